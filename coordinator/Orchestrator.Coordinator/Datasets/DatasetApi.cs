using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Data;
using Orchestrator.V1;
using Dataset = Orchestrator.V1.Dataset;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>Datasets for people, and their manifests and chunks for agents.</summary>
internal sealed class DatasetApi(DatasetRegistry registry, ChunkStore store) : DatasetService.DatasetServiceBase
{
    private const int PartBytes = 1 << 20;

    public override async Task<ListDatasetsResponse> ListDatasets(ListDatasetsRequest request, ServerCallContext context) => new()
    {
        Datasets = { (await registry.ListAsync(context.CancellationToken)).Select(dataset => dataset.ToMessage()) },
    };

    public override async Task<Dataset> GetDataset(GetDatasetRequest request, ServerCallContext context) =>
        (await registry.FindAsync(request.Name, context.CancellationToken)).ToMessage();

    public override async Task<DeleteDatasetResponse> DeleteDataset(GetDatasetRequest request, ServerCallContext context)
    {
        RefuseBuiltIn(request.Name);
        await registry.DeleteAsync(request.Name, context.CancellationToken);
        return new DeleteDatasetResponse();
    }

    public override async Task<Dataset> AddDataset(IAsyncStreamReader<AddDatasetRequest> requestStream, ServerCallContext context)
    {
        var cancellationToken = context.CancellationToken;
        if (!await requestStream.MoveNext(cancellationToken) || requestStream.Current.Manifest is not { } header)
        {
            throw DatasetErrors.Refused("missing-manifest", "the manifest must come first");
        }

        DatasetRegistry.CheckName(header.Name);
        RefuseBuiltIn(header.Name);
        var bytes = header.Manifest.ToByteArray();
        var sizes = DatasetManifest.Parse(bytes).Sizes();
        await using var incoming = store.Receive();
        while (await requestStream.MoveNext(cancellationToken))
        {
            var chunk = requestStream.Current.Chunk ?? throw DatasetErrors.Refused("manifest-came-twice", "only chunks follow the manifest");
            await incoming.WriteAsync(chunk.Sha256, chunk.Data.Memory, sizes, cancellationToken);
        }

        await incoming.EndAsync();
        return (await registry.AddAsync(header.Name, bytes, incoming, cancellationToken)).ToMessage();
    }

    public override async Task<FindMissingChunksResponse> FindMissingChunks(FindMissingChunksRequest request, ServerCallContext context)
    {
        var response = new FindMissingChunksResponse();
        foreach (var sha256 in request.Sha256.Distinct(StringComparer.Ordinal))
        {
            if (!await store.HasWholeChunkAsync(sha256, context.CancellationToken))
            {
                response.Sha256.Add(sha256);
            }
        }

        return response;
    }

    public override async Task<GetManifestResponse> GetManifest(GetManifestRequest request, ServerCallContext context)
    {
        var sha256 = request.WhichCase == GetManifestRequest.WhichOneofCase.Name
            ? (await registry.FindAsync(request.Name, context.CancellationToken)).ManifestSha256
            : request.Sha256;
        return new GetManifestResponse { Sha256 = sha256, Manifest = UnsafeByteOperations.UnsafeWrap(await store.ReadManifestAsync(sha256, context.CancellationToken)) };
    }

    public override async Task GetChunk(GetChunkRequest request, IServerStreamWriter<ChunkPart> responseStream, ServerCallContext context)
    {
        await using var file = store.OpenChunk(request.Sha256);
        var buffer = new byte[PartBytes];
        int read;
        while ((read = await file.ReadAtLeastAsync(buffer, PartBytes, throwOnEndOfStream: false, context.CancellationToken)) > 0)
        {
            // Written out before the buffer is used again.
            var part = new ChunkPart { Sha256 = request.Sha256, Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read)) };
            await responseStream.WriteAsync(part, context.CancellationToken);
        }
    }

    private static void RefuseBuiltIn(string name)
    {
        if (name == BuiltInDigits.Name)
        {
            throw DatasetErrors.BuiltIn(name);
        }
    }
}
