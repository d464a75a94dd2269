using Xunit.Sdk;
using Xunit.v3;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>Collections that take longest begin first: one that began last would run on alone while the machine stands by.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Longest =
    [
        nameof(DocumentTests), nameof(FaultTests), nameof(CoordinatorDeathTests), nameof(GrowthTests), nameof(PausingTests), SharedClusterCollection.Name, nameof(ClusterInEarnestTests), nameof(PopulationTests),
        nameof(CommandTests), nameof(Chaos.ChaosTests), nameof(ResumeTests), nameof(InjectionTests), nameof(ExternalTrialTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Place(collection.TestCollectionDisplayName)).ThenBy(collection => collection.TestCollectionDisplayName, StringComparer.Ordinal)];

    private static int Place(string name)
    {
        var place = Array.FindIndex(Longest, known => name.Contains(known, StringComparison.Ordinal));
        return place < 0 ? Longest.Length : place;
    }
}
