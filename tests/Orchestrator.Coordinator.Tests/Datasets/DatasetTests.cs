using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Data;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Datasets;

public sealed class DatasetTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Digits_is_always_there_and_stays_the_same_over_a_restart()
    {
        using var folder = new TemporaryFolder();
        string sha256;
        await using (var coordinator = await RunningCoordinator.StartInAsync(folder.Path))
        {
            var digits = await Client(coordinator).GetDatasetAsync(new GetDatasetRequest { Name = "digits" }, cancellationToken: Cancellation);
            Assert.Equal(1797, digits.Rows.Train + digits.Rows.Validation + digits.Rows.Test);
            Assert.Equal(10, digits.Classes.Count);
            Assert.Equal(("u8", "1,8,8"), (digits.Features["image"].Dtype, string.Join(',', digits.Features["image"].Shape)));
            sha256 = digits.ManifestSha256;
        }

        await using var again = await RunningCoordinator.StartInAsync(folder.Path);
        Assert.Equal(sha256, (await again.Get<DatasetRegistry>().FindAsync("digits", Cancellation)).ManifestSha256);
    }

    [Fact]
    public async Task Digits_can_not_be_deleted_nor_replaced()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var deleted = await Assert.ThrowsAsync<RpcException>(async () => await Client(coordinator).DeleteDatasetAsync(new GetDatasetRequest { Name = "digits" }, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.FailedPrecondition, deleted.StatusCode);
        var (manifest, chunks) = Some(1);
        await RefusedAsync(coordinator, "digits", manifest, chunks, "built-in-dataset");
    }

    [Fact]
    public async Task An_added_dataset_is_found_listed_served_and_outlives_a_restart()
    {
        using var folder = new TemporaryFolder();
        var (manifest, chunks) = Some(3, (2 << 20) + 5);
        await using (var coordinator = await RunningCoordinator.StartInAsync(folder.Path))
        {
            var missing = await Client(coordinator).FindMissingChunksAsync(new FindMissingChunksRequest { Sha256 = { chunks.Select(Hash) } }, cancellationToken: Cancellation);
            Assert.Equal(chunks.Select(Hash), missing.Sha256);
            var added = await AddAsync(coordinator, "mine", manifest, chunks);
            Assert.Equal(("mine", manifest.Sha256, manifest.Bytes), (added.Name, added.ManifestSha256, added.Bytes));
        }

        await using var again = await RunningCoordinator.StartInAsync(folder.Path);
        Assert.Equal(["digits", "mine"], (await Client(again).ListDatasetsAsync(new ListDatasetsRequest(), cancellationToken: Cancellation)).Datasets.Select(dataset => dataset.Name));
        var served = await Client(again).GetManifestAsync(new GetManifestRequest { Name = "mine" }, cancellationToken: Cancellation);
        Assert.Equal(manifest.ToBytes(), served.Manifest.ToByteArray());
        Assert.Equal(served.Manifest, (await Client(again).GetManifestAsync(new GetManifestRequest { Sha256 = served.Sha256 }, cancellationToken: Cancellation)).Manifest);
        foreach (var chunk in chunks)
        {
            Assert.Equal(chunk, await FetchAsync(again, Hash(chunk)));
        }
    }

    [Fact]
    public async Task Only_chunks_that_are_missing_need_to_come()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (manifest, chunks) = Some(2);
        await AddAsync(coordinator, "first", manifest, chunks);
        var second = await AddAsync(coordinator, "second", manifest, []);
        Assert.Equal(manifest.Sha256, second.ManifestSha256);
    }

    [Fact]
    public async Task A_dataset_added_again_under_its_name_leaves_the_old_one_to_those_who_pinned_it()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (before, beforeChunks) = Some(1);
        var (after, afterChunks) = Some(1);
        await AddAsync(coordinator, "mine", before, beforeChunks);
        await AddAsync(coordinator, "mine", after, afterChunks);
        Assert.Equal(after.Sha256, (await coordinator.Get<DatasetRegistry>().FindAsync("mine", Cancellation)).ManifestSha256);
        Assert.Equal(before.ToBytes(), (await Client(coordinator).GetManifestAsync(new GetManifestRequest { Sha256 = before.Sha256 }, cancellationToken: Cancellation)).Manifest.ToByteArray());
        Assert.Equal(beforeChunks[0], await FetchAsync(coordinator, Hash(beforeChunks[0])));
    }

    [Fact]
    public async Task What_is_wrong_with_an_added_dataset_is_told_and_nothing_of_it_stays()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (manifest, chunks) = Some(2);
        var tampered = chunks[1].ToArray();
        tampered[7] ^= 1;
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0]], "missing-chunk");
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0], RandomNumberGenerator.GetBytes(9)], "stray-chunk");
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0], chunks[1], chunks[0]], "chunk-came-twice");
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0], tampered], "tampered-chunk", Hash(chunks[1]));
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0], chunks[1][..^1]], "truncated-chunk", Hash(chunks[1]));
        await RefusedAsync(coordinator, "mine", manifest, [chunks[0], [.. chunks[1], 0]], "tampered-chunk", Hash(chunks[1]));
        await RefusedAsync(coordinator, "../mine", manifest, chunks, "bad-name");
        await RefusedAsync(coordinator, "", manifest, chunks, "bad-name");

        var missing = await Client(coordinator).FindMissingChunksAsync(new FindMissingChunksRequest { Sha256 = { chunks.Select(Hash) } }, cancellationToken: Cancellation);
        Assert.Equal(2, missing.Sha256.Count);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(coordinator.Options.DataDirectory, "datasets", ".incoming")));
    }

    [Fact]
    public async Task A_manifest_that_is_none_is_refused()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        using var call = Client(coordinator).AddDataset(cancellationToken: Cancellation);
        await call.RequestStream.WriteAsync(
            new AddDatasetRequest { Manifest = new AddDatasetManifest { Name = "mine", Manifest = ByteString.CopyFromUtf8("{}") } }, Cancellation);
        await call.RequestStream.CompleteAsync();
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
    }

    [Fact]
    public async Task A_mistyped_name_is_met_with_the_one_that_was_meant()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        using var response = await coordinator.Web.GetAsync(new Uri("/v1/datasets/digts", UriKind.Relative), Cancellation);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal("there is no dataset 'digts'; did you mean 'digits'?", body.RootElement.GetProperty("message").GetString());
        var unlike = await Assert.ThrowsAsync<RpcException>(async () => await Client(coordinator).GetDatasetAsync(new GetDatasetRequest { Name = "imagenet" }, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.NotFound, unlike.StatusCode);
        Assert.DoesNotContain("did you mean", unlike.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_name_is_unknown()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (manifest, chunks) = Some(1);
        await AddAsync(coordinator, "mine", manifest, chunks);
        await Client(coordinator).DeleteDatasetAsync(new GetDatasetRequest { Name = "mine" }, cancellationToken: Cancellation);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client(coordinator).DeleteDatasetAsync(new GetDatasetRequest { Name = "mine" }, cancellationToken: Cancellation));
        Assert.Equal("unknown-dataset", error.GetRpcStatus()!.GetDetail<UserError>().Code);
    }

    [Theory]
    [InlineData("../../lock")]
    [InlineData("")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task A_chunk_that_is_not_there_is_not_found_whatever_it_is_called(string sha256)
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => FetchAsync(coordinator, sha256));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
    }

    private static DatasetService.DatasetServiceClient Client(RunningCoordinator coordinator) => new(coordinator.Grpc);

    /// <summary>A manifest with this many chunks of random bytes; the coordinator does not look into chunks.</summary>
    private static (DatasetManifest Manifest, byte[][] Chunks) Some(int chunks, int bytes = 1000)
    {
        var data = Enumerable.Range(0, chunks).Select(_ => RandomNumberGenerator.GetBytes(bytes)).ToArray();
        var features = ImmutableSortedDictionary<string, FeatureSpec>.Empty
            .Add("image", new FeatureSpec(DType.U8, [1, 2, 2], [0.5], [0.1]))
            .Add("label", new FeatureSpec(DType.I64, [], [], []));
        return (new DatasetManifest { Features = features, Classes = ["a", "b"], Chunks = [.. data.Select(chunk => new ChunkSpec(Hash(chunk), SourceSplit.All, 10, chunk.Length))] }, data);
    }

    private static string Hash(byte[] chunk) => Convert.ToHexStringLower(SHA256.HashData(chunk));

    private static async Task<V1.Dataset> AddAsync(RunningCoordinator coordinator, string name, DatasetManifest manifest, byte[][] chunks, string? lastHash = null)
    {
        using var call = Client(coordinator).AddDataset(cancellationToken: Cancellation);
        try
        {
            await call.RequestStream.WriteAsync(new AddDatasetRequest { Manifest = new AddDatasetManifest { Name = name, Manifest = ByteString.CopyFrom(manifest.ToBytes()) } }, Cancellation);
            for (var index = 0; index < chunks.Length; index++)
            {
                var hash = index == chunks.Length - 1 && lastHash is not null ? lastHash : Hash(chunks[index]);
                foreach (var part in chunks[index].Chunk(1 << 20))
                {
                    await call.RequestStream.WriteAsync(new AddDatasetRequest { Chunk = new ChunkPart { Sha256 = hash, Data = ByteString.CopyFrom(part) } }, Cancellation);
                }
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception error) when (error is RpcException or InvalidOperationException or IOException)
        {
            // The answer came before the last part was sent; it says why.
        }

        return await call;
    }

    private static async Task RefusedAsync(RunningCoordinator coordinator, string name, DatasetManifest manifest, byte[][] chunks, string code, string? lastHash = null)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => AddAsync(coordinator, name, manifest, chunks, lastHash));
        Assert.Equal(code, error.GetRpcStatus()!.GetDetail<UserError>().Code);
    }

    private static async Task<byte[]> FetchAsync(RunningCoordinator coordinator, string sha256)
    {
        using var call = Client(coordinator).GetChunk(new GetChunkRequest { Sha256 = sha256 }, cancellationToken: Cancellation);
        var bytes = new List<byte>();
        await foreach (var part in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            bytes.AddRange(part.Data);
        }

        return [.. bytes];
    }
}
