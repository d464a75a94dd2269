using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;

namespace Orchestrator.Coordinator.Tests.Artifacts;

/// <summary>What every artifact store does. A store's own tests inherit it.</summary>
public abstract class ArtifactStoreConformance
{
    protected abstract IArtifactStore Store { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_put_is_read_back_manifest_first()
    {
        var files = Checkpoint(("optimizer.safetensors", Random(10)), ("model.safetensors", Random((2 << 20) + 17)), ("empty.bin", []));
        var stored = await Store.PutAsync("run-10", Parts(files, 300_000), Cancellation);
        Assert.Equal(("run-10", Store.UriOf("run-10"), files.Sum(file => (long)file.Data.Length)), (stored.Id, stored.Uri, stored.Bytes));

        var read = await ReadAsync("run-10");
        Assert.Equal("manifest.json", read[0].Path);
        Assert.Equal(files.OrderBy(file => file.Path).Select(file => (file.Path, Hash(file.Data))), read.OrderBy(file => file.Path).Select(file => (file.Path, Hash(file.Data))));
    }

    [Fact]
    public async Task Putting_it_again_answers_the_same_and_changes_nothing()
    {
        var first = await Store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(100)))), Cancellation);
        var hashes = (await ReadAsync("run-1")).Select(file => Hash(file.Data)).ToArray();
        Assert.Equal(first, await Store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(100)))), Cancellation));
        Assert.Equal(hashes, (await ReadAsync("run-1")).Select(file => Hash(file.Data)));
    }

    [Fact]
    public async Task Two_that_put_the_same_at_once_both_get_the_answer()
    {
        var files = Checkpoint(("model.safetensors", Random(1 << 20)));
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Store.PutAsync("run-2", Parts(files, 1000), Cancellation)));
        Assert.Single(answers.Distinct());
        Assert.Equal(2, (await ReadAsync("run-2")).Count);
    }

    [Fact]
    public async Task A_file_that_is_not_what_the_manifest_says_is_refused()
    {
        var files = Checkpoint(("model.safetensors", Random(100)));
        await RefusedAsync("hash-mismatch", [files[0], (files[1].Path, Random(100))]);
        await RefusedAsync("hash-mismatch", [files[0], (files[1].Path, files[1].Data[..50])]);
        await RefusedAsync("missing-file", [files[0]]);
        await RefusedAsync("missing-file", [files[1]]);
        await RefusedAsync("missing-file", []);
        await RefusedAsync("stray-file", [.. files, ("more.bin", Random(1))]);
        await RefusedAsync("file-came-twice", [.. files, files[0]]);
        await RefusedAsync("corrupt-manifest", [("manifest.json", "{\"files\": 7}"u8.ToArray()), files[1]]);
        await RefusedAsync("corrupt-manifest", [("manifest.json", "{"u8.ToArray()), files[1]]);
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("a/b")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a\\b")]
    [InlineData("a\0b")]
    [InlineData("")]
    public async Task Hostile_names_are_refused(string name)
    {
        await RefusedAsync("bad-file-name", Checkpoint((name, Random(1))));
        await RefusedAsync("bad-checkpoint-id", Checkpoint(("model.safetensors", Random(1))), id: name);
        Assert.Throws<UserException>(() => Store.UriOf(name));
        await Assert.ThrowsAsync<UserException>(() => ReadAsync(name));
        await Assert.ThrowsAsync<UserException>(() => Store.DeleteAsync(name, Cancellation));
    }

    [Fact]
    public async Task A_sender_that_breaks_off_leaves_nothing()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => Store.PutAsync("run-3", Broken(), Cancellation));
        await AbsentAsync("run-3");

        static async IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> Broken()
        {
            yield return ("manifest.json", "{\"files\": {}}"u8.ToArray());
            await Task.Yield();
            throw new InvalidOperationException("the connection broke");
        }
    }

    [Fact]
    public async Task Deleted_is_gone_and_can_be_put_again()
    {
        var files = Checkpoint(("model.safetensors", Random(100)));
        await Store.PutAsync("run-4", Parts(files), Cancellation);
        await Store.DeleteAsync("run-4", Cancellation);
        await Store.DeleteAsync("run-4", Cancellation);
        await AbsentAsync("run-4");
        await Store.PutAsync("run-4", Parts(files), Cancellation);
        Assert.Equal(2, (await ReadAsync("run-4")).Count);
    }

    protected static (string Path, byte[] Data)[] Checkpoint(params (string Path, byte[] Data)[] files)
    {
        var entries = files.ToDictionary(file => file.Path, file => new { sha256 = Hash(file.Data), bytes = file.Data.Length });
        return [("manifest.json", JsonSerializer.SerializeToUtf8Bytes(new { step = 10, files = entries })), .. files];
    }

    protected static async IAsyncEnumerable<(string Path, ReadOnlyMemory<byte> Data)> Parts(IEnumerable<(string Path, byte[] Data)> files, int partBytes = 1 << 20)
    {
        foreach (var (path, data) in files)
        {
            for (var at = 0; at == 0 || at < data.Length; at += partBytes)
            {
                await Task.Yield();
                yield return (path, data.AsMemory(at, Math.Min(partBytes, data.Length - at)));
            }
        }
    }

    protected async Task<List<(string Path, byte[] Data)>> ReadAsync(string id)
    {
        var files = new List<(string Path, byte[] Data)>();
        await foreach (var (path, data) in Store.ReadAsync(id, Cancellation))
        {
            if (files.Count > 0 && files[^1].Path == path)
            {
                files[^1] = (path, [.. files[^1].Data, .. data.Span]);
            }
            else
            {
                files.Add((path, data.ToArray()));
            }
        }

        return files;
    }

    protected static byte[] Random(int bytes) => RandomNumberGenerator.GetBytes(bytes);

    private static string Hash(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));

    private async Task RefusedAsync(string code, (string Path, byte[] Data)[] files, string id = "run-5")
    {
        var error = await Assert.ThrowsAsync<UserException>(() => Store.PutAsync(id, Parts(files), Cancellation));
        Assert.Equal((StatusCode.InvalidArgument, code), (error.Status, error.Code));
        await AbsentAsync("run-5");
    }

    private async Task AbsentAsync(string id)
    {
        var error = await Assert.ThrowsAsync<UserException>(() => ReadAsync(id));
        Assert.Equal((StatusCode.NotFound, "unknown-checkpoint"), (error.Status, error.Code));
    }
}
