using Orchestrator.EndToEnd.Tests.Harness;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Trainers that fail while backward runs and the first gradients are on their way to the others, which takes a network and layers of more than a megabyte.</summary>
public sealed class BucketTests(BucketTests.Runs runs) : IClassFixture<BucketTests.Runs>
{
    private static readonly Dictionary<string, string[]> Cases = new(StringComparer.Ordinal)
    {
        ["first-bucket"] = ["1.1:33:gradients:kill"],
        ["second-bucket"] = ["1.1:34:bucket:kill"],
        ["second-bucket-of-rank-0"] = ["1.0:35:bucket:kill"],
        ["totals-after-buckets"] = ["1.1:36:totals:kill"],
        ["frozen-in-a-bucket"] = ["1.0:30:bucket:freeze"],
        ["late-in-a-bucket"] = ["1.1:27:bucket:delay=1500"],
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory(Timeout = 420_000)]
    [MemberData(nameof(Names))]
    public Task A_trainer_that_fails_among_its_buckets_costs_no_step_and_no_bit(string name) => runs.AssertUnharmedAsync(name);

    /// <summary>All cases' runs, under way.</summary>
    public sealed class Runs() : InjectedRuns(Cases, epochs: 2, "[600, 600, 600]", ("ORCH_SHARED_MEMORY", "off"));
}
