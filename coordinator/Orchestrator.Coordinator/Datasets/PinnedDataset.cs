using Orchestrator.Data;
using Orchestrator.Specs.Checks;

namespace Orchestrator.Coordinator.Datasets;

/// <summary>A dataset as it is at this moment. Its name may come to mean another one; the hash never does.</summary>
/// <param name="ManifestSha256">Of the manifest's bytes; the dataset's identity.</param>
public sealed record PinnedDataset(string Name, string ManifestSha256, DatasetManifest Manifest)
{
    /// <summary>What a model gets of it.</summary>
    public SampleShape Sample => new(
        [.. Manifest.Features.Single(feature => feature.Key != Manifest.Target).Value.Shape], Manifest.Classes.Length, Manifest.Rows(SplitName.Train));
}
