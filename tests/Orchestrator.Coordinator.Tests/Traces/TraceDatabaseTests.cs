using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Coordinator.Traces;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Traces;

public sealed class TraceDatabaseTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private DataDirectory _directory = null!;
    private TraceDatabase _database = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _directory = DataDirectory.Open(_folder.Path);
        _database = TraceDatabase.Open(DatabaseAddress.Parse(null, _folder.Path), _directory, new TraceLimits(SpansPerTrace: 10, Traces: 3));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _directory.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Spans_come_back_by_their_start_and_a_span_sent_twice_is_one()
    {
        var trace = SpanFactory.NewTrace();
        var late = SpanFactory.Row(trace, "late") with { StartUnixNano = 2000 };
        var early = SpanFactory.Row(trace, "early");
        await _database.WriteAsync([late, early, late], Now, Cancellation);
        await _database.WriteAsync([early], Now, Cancellation);
        Assert.Equal([early, late], await _database.ReadAsync(trace, Cancellation));
        Assert.Empty(await _database.ReadAsync(SpanFactory.NewTrace(), Cancellation));
    }

    [Fact]
    public async Task A_trace_beyond_its_budget_keeps_its_skeleton_and_counts_the_rest()
    {
        var trace = SpanFactory.NewTrace();
        var steps = Enumerable.Range(0, 25).Select(step => SpanFactory.Row(trace, $"step {step}")).ToArray();
        Assert.Equal(5, await _database.WriteAsync(steps[..15], Now, Cancellation));
        Assert.Equal(10, await _database.WriteAsync(steps[15..], Now, Cancellation));
        Assert.Equal(0, await _database.WriteAsync([SpanFactory.Row(trace, "epoch", nanoseconds: 1_000_000_000), SpanFactory.Row(trace, "standstill")], Now, Cancellation));
        Assert.Equal(["epoch", "standstill"], (await _database.ReadAsync(trace, Cancellation)).Select(row => row.Name).Where(name => !name.StartsWith("step", StringComparison.Ordinal)).Order());
        Assert.Equal(15, await _database.DroppedAsync(trace, Cancellation));

        var epochs = Enumerable.Range(0, 20).Select(epoch => SpanFactory.Row(trace, $"epoch {epoch}", nanoseconds: 2_000_000_000)).ToArray();
        Assert.Equal(12, await _database.WriteAsync(epochs, Now, Cancellation));
        Assert.Equal(20, (await _database.ReadAsync(trace, Cancellation)).Count);
    }

    [Fact]
    public async Task The_traces_that_grew_longest_ago_go_first()
    {
        var traces = Enumerable.Range(0, 4).Select(_ => SpanFactory.NewTrace()).ToArray();
        for (var index = 0; index < 3; index++)
        {
            await _database.WriteAsync([SpanFactory.Row(traces[index], "span")], Now.AddSeconds(index), Cancellation);
        }

        await _database.WriteAsync([SpanFactory.Row(traces[0], "span")], Now.AddSeconds(5), Cancellation);
        await _database.WriteAsync([SpanFactory.Row(traces[3], "span")], Now.AddSeconds(6), Cancellation);
        Assert.Equal(2, (await _database.ReadAsync(traces[0], Cancellation)).Count);
        Assert.Empty(await _database.ReadAsync(traces[1], Cancellation));
        Assert.Single(await _database.ReadAsync(traces[2], Cancellation));
        Assert.Single(await _database.ReadAsync(traces[3], Cancellation));
    }
}
