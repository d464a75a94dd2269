using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

public sealed class TraceTests(SharedCluster shared) : SharedClusterTest(shared)
{
    /// <summary>The command, the coordinator, two agents and their trainers.</summary>
    private const int Processes = 6;

    // Whatever lies between, these come in this order on the way from the root to a part of a step.
    private static readonly string[] Way =
    [
        "orch sweep submit", "coordinator orchestrator.v1.SweepService/SubmitSweep", "coordinator trial", "coordinator orchestrator.runs send",
        "coordinator orchestrator.runs process", "coordinator run", "coordinator generation", "orchestrator-agent task", "orchestrator-trainer train",
        "orchestrator-trainer epoch", "orchestrator-trainer step",
    ];

    [Fact(Timeout = 180_000)]
    public async Task One_trace_goes_from_the_command_through_the_broker_to_the_parts_of_a_step()
    {
        var trace = await RunTrace.OfAsync(Cluster, Shared.OtherRun, Processes);

        Assert.Single(trace.Spans, span => span.Text("parent").Length == 0);
        foreach (var part in new[] { "data-wait", "forward", "backward", "all-reduce", "optimizer" })
        {
            var path = trace.PathTo(trace.Spans.First(span => span.Text("name") == part));
            Assert.Equal([.. Way, $"orchestrator-trainer {part}"], path.Where(step => Way.Contains(step, StringComparer.Ordinal) || step.EndsWith($" {part}", StringComparison.Ordinal)));
        }

        Assert.Contains(trace.Spans, span => span.Text("name") == "checkpoint" && span.Text("service") == "orchestrator-trainer");
        Assert.All(trace.Spans, span => Assert.True(span.GetProperty("endUnixNano").GetInt64() >= span.GetProperty("startUnixNano").GetInt64()));

        Assert.Equal(Processes, trace.Processes);
    }

    [Fact(Timeout = 180_000)]
    public async Task A_configured_backend_gets_the_same_spans()
    {
        var trace = await RunTrace.OfAsync(Cluster, Shared.OtherRun, Processes);
        var here = trace.Spans.Select(span => (trace.Id, span.Text("id"))).ToHashSet();
        await Eventually.TrueAsync(() => here.IsSubsetOf(Shared.Backend.Spans), TimeSpan.FromSeconds(60));
    }
}
