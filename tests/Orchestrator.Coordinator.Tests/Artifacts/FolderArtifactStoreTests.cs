using Grpc.Core;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Artifacts;

public sealed class FolderArtifactStoreTests : ArtifactStoreConformance, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FolderArtifactStore _store;

    public FolderArtifactStoreTests() => _store = new FolderArtifactStore(_folder["store"]);

    protected override IArtifactStore Store => _store;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_checkpoint_is_a_plain_folder()
    {
        var stored = await _store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(3)))), Cancellation);
        var folder = new Uri(stored.Uri).LocalPath;
        Assert.Equal(["manifest.json", "model.safetensors"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder["store"], ".incoming")));
    }

    [Fact]
    public async Task A_full_disk_is_told_and_leaves_nothing()
    {
        var store = new FolderArtifactStore(_folder["full"], path => path.EndsWith("model.safetensors", StringComparison.Ordinal) ? new FullDisk() : File.Create(path));
        var error = await Assert.ThrowsAsync<UserException>(() => store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(3)))), Cancellation));
        Assert.Equal((StatusCode.ResourceExhausted, "disk-full"), (error.Status, error.Code));
        Assert.Equal([".incoming"], Directory.GetFileSystemEntries(_folder["full"]).Select(Path.GetFileName));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder["full"], ".incoming")));
    }

    [Fact]
    public async Task Bytes_that_rotted_are_noticed_when_read()
    {
        var stored = await _store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(100)))), Cancellation);
        var path = Path.Combine(new Uri(stored.Uri).LocalPath, "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(path, Cancellation);
        bytes[50] ^= 1;
        await File.WriteAllBytesAsync(path, bytes, Cancellation);
        Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<UserException>(() => ReadAsync("run-1"))).Status);
        File.Delete(path);
        Assert.Equal("corrupt-checkpoint", (await Assert.ThrowsAsync<UserException>(() => ReadAsync("run-1"))).Code);
    }

    [Fact]
    public async Task What_a_killed_coordinator_left_half_written_is_taken_away_and_the_rest_stays()
    {
        await _store.PutAsync("run-1", Parts(Checkpoint(("model.safetensors", Random(3)))), Cancellation);
        Directory.CreateDirectory(Path.Combine(_folder["store"], ".incoming", "run-2.half"));
        var again = new FolderArtifactStore(_folder["store"]);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder["store"], ".incoming")));
        await foreach (var (path, _) in again.ReadAsync("run-1", Cancellation))
        {
            Assert.Contains(path, new[] { "manifest.json", "model.safetensors" });
        }
    }

    private sealed class FullDisk : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("No space left on device", 28);
    }
}
