using Orchestrator.Data;
using Orchestrator.V1;
using Dataset = Orchestrator.V1.Dataset;

namespace Orchestrator.Coordinator.Datasets;

internal static class DatasetMessages
{
    /// <summary>What <c>dataset show</c> prints.</summary>
    public static Dataset ToMessage(this PinnedDataset dataset)
    {
        var manifest = dataset.Manifest;
        var message = new Dataset
        {
            Name = dataset.Name,
            ManifestSha256 = dataset.ManifestSha256,
            Bytes = manifest.Bytes,
            Rows = new Rows { Train = manifest.Rows(SplitName.Train), Validation = manifest.Rows(SplitName.Validation), Test = manifest.Rows(SplitName.Test) },
            Classes = { manifest.Classes },
            Chunks = { manifest.Chunks.Select(chunk => new Chunk { Sha256 = chunk.Sha256, Rows = chunk.Rows }) },
        };
        foreach (var (name, feature) in manifest.Features)
        {
            message.Features[name] = new Feature { Dtype = NameOf(feature.DType), Shape = { feature.Shape } };
        }

        return message;
    }

    private static string NameOf(DType dtype) => dtype.ToString().ToLowerInvariant();
}
