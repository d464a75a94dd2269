using Orchestrator.Coordinator.Hosting;
using Orchestrator.Data;

namespace Orchestrator.Coordinator.Datasets;

internal static class DatasetServices
{
    private const string Folder = "datasets";

    /// <summary>The registry, its store, and the dataset that is always there.</summary>
    public static IServiceCollection AddDatasets(this IServiceCollection services) => services
        .AddSingleton(provider => new ChunkStore(provider.GetRequiredService<DataDirectory>()[Folder]))
        .AddSingleton(provider => new DatasetRegistry(provider.GetRequiredService<ChunkStore>(), provider.GetRequiredService<DataDirectory>()[Folder]))
        .AddHostedService<BuiltInDigits>();

    public static void MapDatasets(this WebApplication app) => app.MapGrpcService<DatasetApi>();

    /// <summary>Bytes of a dataset's chunks by hash; equal chunks are one.</summary>
    public static IReadOnlyDictionary<string, long> Sizes(this DatasetManifest manifest)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var chunk in manifest.Chunks)
        {
            sizes[chunk.Sha256] = chunk.Bytes;
        }

        return sizes;
    }
}
