using CsCheck;
using Orchestrator.Control.Runs;

namespace Orchestrator.Control.Tests.Runs;

public sealed class RetentionTests
{
    private static readonly Gen<CheckpointRecord[]> Checkpoints = Gen.Select(Gen.Int[1, 50], Gen.OneOf(Gen.Int[0, 3].Select(value => (double)value), Gen.Const(double.NaN)))
        .Select((epoch, loss) => RunSample.Record(epoch, loss)).Array[0, 12]
        .Select(records => records.DistinctBy(record => record.Id).ToArray());

    private static readonly Gen<Retention> Retentions = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Bool).Select((best, last, maximize) => new Retention(best, last, "val_loss", maximize));

    [Fact]
    public void The_latest_and_the_best_stay_and_no_more_than_asked_for() => Gen.Select(Retentions, Checkpoints).Sample((retention, checkpoints) =>
    {
        var released = retention.Released(checkpoints).ToHashSet();
        var kept = checkpoints.Where(record => !released.Contains(record)).ToArray();
        Assert.True(kept.Length <= retention.KeepBest + Math.Max(1, retention.KeepLast));
        if (checkpoints.Length > 0)
        {
            Assert.Contains(checkpoints.MaxBy(record => record.Step), kept);
            Assert.True(retention.KeepBest == 0 || kept.Contains(retention.Best(checkpoints)));
        }

        // What stays, stays: letting go a second time lets nothing go.
        Assert.Empty(retention.Released(kept));
    });

    [Fact]
    public void The_order_in_which_they_were_written_does_not_choose_the_best() => Gen.Select(Retentions, Checkpoints, Gen.Int).Sample((retention, checkpoints, seed) =>
    {
        var shuffled = checkpoints.ToArray();
        new Random(seed).Shuffle(shuffled);
        Assert.Equal(retention.Best(checkpoints)?.Id, retention.Best(shuffled)?.Id);
    });

    [Fact]
    public void Ties_go_to_the_earlier_and_those_without_a_value_come_last()
    {
        var retention = new Retention(1, 1, "val_loss", Maximize: false);
        Assert.Equal("r-20", retention.Best([RunSample.Record(1, 2), RunSample.Record(3, 1), RunSample.Record(2, 1), RunSample.Record(4, double.NaN)])!.Id);
        Assert.Equal("r-40", retention.Best([RunSample.Record(1, double.NaN), RunSample.Record(4, double.NaN)])!.Id);
        Assert.Null(retention.Best([]));
    }
}
