using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>A dataset in words.</summary>
internal static class DatasetText
{
    public static string Whole(Dataset dataset)
    {
        var features = string.Join("  ", dataset.Features.OrderBy(feature => feature.Key, StringComparer.Ordinal)
            .Select(feature => $"{feature.Key} {feature.Value.Dtype}[{string.Join(", ", feature.Value.Shape)}]"));
        return $"""
            dataset {dataset.Name}: {Plain.Bytes(dataset.Bytes)} in {Plain.Count(dataset.Chunks.Count, "chunk")}
              features  {features}
              rows      train {dataset.Rows?.Train}  validation {dataset.Rows?.Validation}  test {dataset.Rows?.Test}
              classes   {(dataset.Classes.Count > 0 ? string.Join(", ", dataset.Classes) : "none")}
            """;
    }
}
