using Orchestrator.Cli.Output;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

public sealed class WaterfallTests
{
    private const long Millisecond = 1_000_000;

    private static TraceSpan Span(string id, string parent, string name, long from, long to, string service = "trainer", int process = 2) => new()
    {
        Id = id,
        Parent = parent,
        Name = name,
        Service = service,
        ProcessId = process,
        StartUnixNano = from * Millisecond,
        EndUnixNano = to * Millisecond,
    };

    [Fact]
    public void Spans_stand_below_their_parents_in_the_order_of_time()
    {
        var trace = new RunTrace
        {
            TraceId = "t",
            Spans =
            {
                Span("c", "b", "step", 600, 1000),
                Span("a", "", "sweep submit", 0, 100, "orch", 1),
                Span("d", "b", "evaluate", 500, 600),
                Span("b", "a", "epoch 1", 500, 1000),
            },
        };

        Assert.Equal(
            [
                "trace t: 4 spans, 2 processes, 1.0 s",
                "sweep submit │████                                    │   100 ms  orch",
                "  epoch 1    │                    ████████████████████│   500 ms  trainer",
                "    evaluate │                    ████                │   100 ms  trainer",
                "    step     │                        ████████████████│   400 ms  trainer",
            ],
            Waterfall.Lines(trace));
    }

    [Fact]
    public void Of_many_siblings_with_one_name_three_are_shown_and_the_others_summed_up()
    {
        var trace = new RunTrace { TraceId = "t", Spans = { Enumerable.Range(0, 10).Select(n => Span($"{n}", "", "step", n * 10, (n * 10) + 10)) } };

        var lines = Waterfall.Lines(trace).ToList();

        Assert.Equal(5, lines.Count);
        Assert.StartsWith("… 7 more step", lines[^1], StringComparison.Ordinal);
        Assert.EndsWith("70 ms", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_span_without_its_parent_is_shown_as_a_root()
    {
        var trace = new RunTrace { TraceId = "t", Spans = { Span("b", "gone", "epoch 1", 0, 10) } };

        Assert.Contains(Waterfall.Lines(trace), line => line.StartsWith("epoch 1 │", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_trace_says_so() => Assert.Equal(["trace t: no spans yet"], Waterfall.Lines(new() { TraceId = "t" }));
}
