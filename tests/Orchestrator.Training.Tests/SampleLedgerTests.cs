using Orchestrator.Collectives;
using Orchestrator.Training.Engine;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class SampleLedgerTests
{
    [Fact]
    public void It_does_not_depend_on_order_or_on_how_the_rows_were_cut()
    {
        var (forward, backward) = (new SampleLedger(), new SampleLedger());
        Add(forward, 0, 1, 2, 3);
        Add(backward, 3, 1);
        Add(backward, 2, 0);
        Assert.Equal(forward.Entry, backward.Entry);
        Assert.Equal(SampleLedger.Expected(4), forward.Entry);

        var restored = new SampleLedger();
        restored.Restore(backward.Entry);
        Add(restored, 1);
        Assert.NotEqual(forward.Entry.Hash, restored.Entry.Hash);
        Assert.Equal(5, restored.Entry.Samples);
    }

    [Fact]
    public void A_row_twice_instead_of_another_is_seen()
    {
        var ledger = new SampleLedger();
        Add(ledger, 0, 1, 2, 2);
        Assert.Equal(4, ledger.Entry.Samples);
        Assert.NotEqual(SampleLedger.Expected(4), ledger.Entry);
    }

    [Fact]
    public void Summed_with_a_steps_totals_it_comes_out_whole()
    {
        // Hashes that overflow 64 bits and their 32-bit halves when they are added.
        var plan = ShardPlan.Even(3, 1);
        var rows = new RowPlan(plan.OwnedNodes(0));
        var totals = new StepTotals(rows, counters: 0);
        long[][] shards = [[.. Enumerable.Range(0, 100).Select(row => (long)row)], [.. Enumerable.Range(100, 50).Select(row => (long)row)], [150, 151]];
        totals.Use(rows.Left(0), shards[0]);
        totals.Use(rows.Left(0), shards[1]);
        totals.Use(rows.Leaf, shards[2]);
        totals.Fold();
        totals.Signal(new StepSignals(Stop: true, Switch: false, Leave: false));
        totals.Reduce(new LocalCollective(plan));

        var ledger = new SampleLedger();
        ledger.Add(totals.TotalSamples, totals.TotalHash);
        Assert.Equal(SampleLedger.Expected(152), ledger.Entry);
        Assert.Equal((1, 0), (totals.Stopping, totals.Switching));
    }

    private static void Add(SampleLedger ledger, params long[] rows) => ledger.Add(rows.Length, SampleLedger.HashOf(rows));
}
