using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Models;

/// <summary>The built-in families, as files name them: what <c>model</c> may say and which metrics a run of it reports.</summary>
public static class ModelCatalog
{
    public static IReadOnlyDictionary<string, ModelFamily> Families { get; } = new Dictionary<string, ModelFamily>(StringComparer.Ordinal)
    {
        ["image-classifier"] = new(typeof(ImageClassifierModel), ["train_loss", "val_loss", "val_accuracy"]),
    };

    internal static ModelFamily Find(string name, Place place) => Families.TryGetValue(name, out var family)
        ? family
        : throw place.Child("workload").Error("unknown-workload", $"there is no workload '{name}'", Suggestion.For(name, [.. Families.Keys, RunSpec.CommandWorkload, "external"]));
}

/// <param name="Model">The record that <c>model</c> binds to.</param>
/// <param name="Metrics">What an epoch reports.</param>
public sealed record ModelFamily(Type Model, IReadOnlyList<string> Metrics);
