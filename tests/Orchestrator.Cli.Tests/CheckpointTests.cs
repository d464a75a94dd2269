using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Orchestrator.Cli.Tests.Fakes;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

public sealed class CheckpointTests
{
    private static readonly byte[] Weights = Encoding.ASCII.GetBytes("the weights of the model");

    private static readonly string WeightsHash = Convert.ToHexStringLower(SHA256.HashData(Weights));

    private static string Manifest => $$$"""{"step": 9, "files": {"model.safetensors": {"sha256": "{{{WeightsHash}}}", "bytes": {{{Weights.Length}}} } } }""";

    private static IEnumerable<FilePart> Parts(byte[] weights, string manifest) =>
    [
        new() { Path = "manifest.json", Data = ByteString.CopyFromUtf8(manifest), Checkpoint = new() { Id = "c-1", Bytes = 100 } },
        new() { Path = "model.safetensors", Data = ByteString.CopyFrom(weights, 0, 5) },
        new() { Path = "model.safetensors", Data = ByteString.CopyFrom(weights, 5, weights.Length - 5) },
    ];

    [Fact]
    public async Task A_fetched_checkpoint_is_whole_and_its_hash_is_told()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Parts.AddRange(Parts(Weights, Manifest));

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "--best", "s-1", "-o", folder["best"], "--output", "json");

        Assert.Equal((0, ""), (cli.Code, cli.Error));
        var told = JsonDocument.Parse(cli.Out).RootElement;
        Assert.Equal(
            ["c-1", folder["best"], WeightsHash], new[] { "id", "path", "weightsHash" }.Select(name => told.GetProperty(name).GetString()));
        Assert.Equal(Weights, await File.ReadAllBytesAsync(Path.Combine(folder["best"], "model.safetensors"), TestContext.Current.CancellationToken));
        Assert.Equal("s-1", Assert.IsType<FetchCheckpointRequest>(coordinator.Calls.Single().Request).BestOfSweep);
    }

    [Fact]
    public async Task What_a_program_kept_comes_as_its_files_and_verify_names_the_one_that_was_altered()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        var (archive, hash) = Archive(("model/weights.bin", "the weights"), ("state.json", "{}"));
        coordinator.Parts.AddRange(OfCommand(archive, hash, ("model/weights.bin", "the weights"), ("state.json", "{}")));

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "c-1", "-o", folder["best"]);

        Assert.Equal((0, ""), (cli.Code, cli.Error));
        Assert.Equal($"checkpoint c-1 lies in {folder["best"]}\ndirectory {hash}\n", cli.Out);
        Assert.Equal(["directory/model/weights.bin", "directory/state.json", "manifest.json"],
            Directory.GetFiles(folder["best"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder["best"], file)).Order(StringComparer.Ordinal));
        Assert.Equal("the weights", await File.ReadAllTextAsync(folder["best/directory/model/weights.bin"], TestContext.Current.CancellationToken));

        var whole = await Fakes.Cli.RunAsync(new Dictionary<string, string>(), "checkpoint", "verify", folder["best"], "--output", "json");
        Assert.Equal((0, hash), (whole.Code, JsonDocument.Parse(whole.Out).RootElement.GetProperty("weightsHash").GetString()));
        folder.Write("best/directory/model/weights.bin", "The weights");
        var altered = await Fakes.Cli.RunAsync(new Dictionary<string, string>(), "checkpoint", "verify", folder["best"]);
        Assert.Equal((2, ""), (altered.Code, altered.Out));
        Assert.StartsWith($"error: {folder["best/directory/model/weights.bin"]} is corrupt: its SHA-256 is ", altered.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other", "is missing, and the manifest names it")]
    [InlineData("cut", "directory.tar is corrupt")]
    [InlineData("escape", "no path below its folder")]
    public async Task An_archive_that_is_not_what_it_says_is_refused_and_leaves_nothing_behind(string fault, string message)
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        var (archive, hash) = Archive(("state.json", "{}"));
        archive = fault == "cut" ? archive[..700] : archive;
        coordinator.Parts.AddRange(OfCommand(archive, fault == "cut" ? Convert.ToHexStringLower(SHA256.HashData(archive)) : hash, (fault switch
        {
            "other" => "other.json",
            "escape" => "../state.json",
            _ => "state.json",
        }, "{}")));

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "c-1", "-o", folder["best"]);

        Assert.Equal((2, ""), (cli.Code, cli.Out));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Fetching_again_replaces_the_checkpoint()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Parts.AddRange(Parts(Weights, Manifest));
        folder.Write("best/manifest.json", "{}");
        folder.Write("best/old.safetensors", "old");

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "c-1", "-o", folder["best"]);

        Assert.Equal(0, cli.Code);
        Assert.Equal(["manifest.json", "model.safetensors"], Directory.GetFiles(folder["best"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("tampered", "is corrupt: its SHA-256")]
    [InlineData("short", "is corrupt: it has 10 bytes")]
    [InlineData("no-map", "has no readable map")]
    [InlineData("escape", "not plain letters")]
    [InlineData("missing", "is missing, and the manifest names it")]
    public async Task A_checkpoint_that_is_not_what_it_says_is_refused_and_leaves_nothing_behind(string fault, string message)
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        var tampered = Weights.ToArray();
        tampered[7] ^= 1;
        coordinator.Parts.AddRange(fault switch
        {
            "tampered" => Parts(tampered, Manifest),
            "short" => Parts(Weights[..10], Manifest),
            "no-map" => Parts(Weights, "{}"),
            "escape" => [.. Parts(Weights, Manifest), new FilePart { Path = "../evil", Data = ByteString.CopyFromUtf8("x") }],
            _ => Parts(Weights, Manifest).Take(1),
        });

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "c-1", "-o", folder["best"]);

        Assert.Equal((2, ""), (cli.Code, cli.Out));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task A_folder_with_other_things_in_it_is_not_touched()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Parts.AddRange(Parts(Weights, Manifest));
        folder.Write("best/thesis.tex", "years of work");

        var cli = await Fakes.Cli.RunAsync(coordinator, "checkpoint", "fetch", "c-1", "-o", folder["best"]);

        Assert.Equal(2, cli.Code);
        Assert.Equal("years of work", await File.ReadAllTextAsync(Path.Combine(folder["best"], "thesis.tex"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Verify_names_the_corrupt_file_and_exits_with_2()
    {
        using var folder = new Folder();
        folder.Write("manifest.json", Manifest);
        var file = folder.Write("model.safetensors", Encoding.ASCII.GetString(Weights));

        Assert.Equal(0, (await Fakes.Cli.RunAsync(new Dictionary<string, string>(), "checkpoint", "verify", folder.Path)).Code);
        await File.WriteAllBytesAsync(file, [.. Weights[..^1], 0], TestContext.Current.CancellationToken);
        var cli = await Fakes.Cli.RunAsync(new Dictionary<string, string>(), "checkpoint", "verify", folder.Path);

        Assert.Equal((2, ""), (cli.Code, cli.Out));
        Assert.StartsWith($"error: {file} is corrupt: its SHA-256 is ", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_of_a_folder_without_a_manifest_exits_with_2()
    {
        using var folder = new Folder();

        var cli = await Fakes.Cli.RunAsync(new Dictionary<string, string>(), "checkpoint", "verify", folder.Path);

        Assert.Equal((2, ""), (cli.Code, cli.Out));
        Assert.Contains("manifest.json is missing", cli.Error, StringComparison.Ordinal);
    }

    private static (byte[] Archive, string Sha256) Archive(params (string Path, string Text)[] files)
    {
        using var bytes = new MemoryStream();
        using (var writer = new TarWriter(bytes, leaveOpen: true))
        {
            foreach (var (path, text) in files)
            {
                writer.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
            }
        }

        return (bytes.ToArray(), Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray())));
    }

    private static IEnumerable<FilePart> OfCommand(byte[] archive, string hash, params (string Path, string Text)[] files)
    {
        var directory = files.ToDictionary(file => file.Path, file => new { sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Text))), bytes = file.Text.Length });
        var manifest = new { epoch = 9, files = new Dictionary<string, object> { ["directory.tar"] = new { sha256 = hash, bytes = archive.Length } }, directory };
        return
        [
            new() { Path = "manifest.json", Data = ByteString.CopyFromUtf8(JsonSerializer.Serialize(manifest)), Checkpoint = new() { Id = "c-1" } },
            new() { Path = "directory.tar", Data = ByteString.CopyFrom(archive) },
        ];
    }
}
