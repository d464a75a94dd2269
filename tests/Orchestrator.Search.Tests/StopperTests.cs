using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class StopperTests
{
    private static readonly ReportScore Maximize = new(Goal.Maximize);
    private static readonly ReportScore Minimize = new(Goal.Minimize);

    [Theory]
    [InlineData(0.29, true)]
    [InlineData(0.3, false)]
    [InlineData(0.31, false)]
    public void Median_ends_what_is_worse_than_the_median_of_the_others_at_the_same_epoch(double value, bool ends)
    {
        var stopper = new PercentileStopper("median", 50, minEpochs: 1, startup: 5);
        var others = Trials([0.1, 0.9], [0.2, 0.9], [0.3], [0.4, 0.1], [0.5]);
        var trial = Trial(5, value);
        Assert.Equal(ends, stopper.WhyStop(Maximize, trial, [.. others, trial]) is not null);

        // The mirror image, minimised.
        var mirror = Trial(5, -value);
        Assert.Equal(ends, stopper.WhyStop(Minimize, mirror, [.. Trials([-0.1, -0.9], [-0.2, -0.9], [-0.3], [-0.4, -0.1], [-0.5]), mirror]) is not null);
    }

    [Fact]
    public void Nothing_ends_before_enough_others_have_come_as_far()
    {
        var stopper = new PercentileStopper("median", 50, minEpochs: 2, startup: 3);
        var others = Trials([0.9, 0.9], [0.9, 0.9], [0.9]);
        Assert.Null(stopper.WhyStop(Maximize, Trial(3, 0.1), others));
        Assert.Null(stopper.WhyStop(Maximize, Trial(3, 0.1, 0.1), others));
        Assert.NotNull(stopper.WhyStop(Maximize, Trial(3, 0.1, 0.1), [.. others, Trial(4, 0.9, 0.9)]));
    }

    [Fact]
    public void A_lower_percentile_ends_fewer_when_it_counts_from_the_best()
    {
        var others = Trials([0.1], [0.2], [0.3], [0.4], [0.5]);
        Assert.NotNull(new PercentileStopper("percentile", 25, 1, 5).WhyStop(Maximize, Trial(5, 0.35), others));
        Assert.Null(new PercentileStopper("percentile", 75, 1, 5).WhyStop(Maximize, Trial(5, 0.25), others));
    }

    [Fact]
    public void Failed_trials_and_reports_without_a_value_are_not_compared_with()
    {
        var stopper = new PercentileStopper("median", 50, 1, 2);
        ObservedTrial[] others = [Trial(0, 0.9) with { State = ObservedState.Failed }, Trial(1, (double?)null), Trial(2, 0.9)];
        Assert.Null(stopper.WhyStop(Maximize, Trial(3, 0.1), others));
        Assert.Contains("no value", stopper.WhyStop(Maximize, Trial(3, (double?)null), Trials([0.1], [0.2])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 0.1, 0.2, 0.2, 0.2 }, false)]
    [InlineData(new[] { 0.1, 0.2, 0.2, 0.2, 0.2 }, true)]
    [InlineData(new[] { 0.1, 0.2, 0.2, 0.2, 0.3 }, false)]
    public void Patience_ends_with_so_many_epochs_without_improvement(double[] values, bool ends) => Assert.Equal(
        ends, new PatientStopper(patience: 3, minDelta: 0, minEpochs: 1).WhyStop(Maximize, Trial(0, [.. values]), []) is not null);

    [Fact]
    public void Less_than_the_least_change_is_no_improvement()
    {
        var stopper = new PatientStopper(patience: 2, minDelta: 0.05, minEpochs: 1);
        Assert.NotNull(stopper.WhyStop(Minimize, Trial(0, 0.5, 0.48, 0.46), []));
        Assert.Null(stopper.WhyStop(Minimize, Trial(0, 0.5, 0.48, 0.44), []));
    }

    [Fact]
    public void Around_another_stopper_patience_lets_it_speak_only_while_the_trial_does_not_improve()
    {
        var others = Trials([0.5, 0.6, 0.7, 0.8], [0.5, 0.6, 0.7, 0.8]);
        var median = new PercentileStopper("median", 50, minEpochs: 1, startup: 2);
        var stopper = new PatientStopper(patience: 2, minDelta: 0, minEpochs: 1, median);

        // Worse than the median all along: once it improves, once it does not, and once it is stuck above the median.
        Assert.NotNull(median.WhyStop(Maximize, Trial(2, 0.1, 0.2, 0.3, 0.4), others));
        Assert.Null(stopper.WhyStop(Maximize, Trial(2, 0.1, 0.2, 0.3, 0.4), others));
        var why = stopper.WhyStop(Maximize, Trial(2, 0.1, 0.2, 0.2, 0.2), others);
        Assert.Contains("the median of 2 others; no improvement for 2 epochs", why, StringComparison.Ordinal);
        Assert.Null(stopper.WhyStop(Maximize, Trial(2, 0.9, 0.9, 0.9, 0.9), others));

        var named = StopperCatalog.Stopper(new StopperSettings("patient", Patience: 2) { Of = new StopperSettings("median", Startup: 2) })!;
        Assert.Equal(why, named.WhyStop(Maximize, Trial(2, 0.1, 0.2, 0.2, 0.2), others));
    }

    [Fact]
    public void A_threshold_ends_what_leaves_its_bounds_or_has_no_value()
    {
        var stopper = new ThresholdStopper(0.2, 5, minEpochs: 2);
        Assert.Null(stopper.WhyStop(Minimize, Trial(0, 9), []));
        Assert.NotNull(stopper.WhyStop(Minimize, Trial(0, 9, 9), []));
        Assert.NotNull(stopper.WhyStop(Minimize, Trial(0, 1, 0.1), []));
        Assert.NotNull(stopper.WhyStop(Minimize, Trial(0, 1, null), []));
        Assert.Null(stopper.WhyStop(Minimize, Trial(0, 1, 1), []));
    }

    /// <summary>Table 1 of the paper's algorithm: R = 81, η = 3.</summary>
    [Fact]
    public void Hyperbands_brackets_are_those_of_the_paper()
    {
        var hyperband = new Hyperband(1, 81, 3);
        var round = Enumerable.Range(0, 5).Select(index => hyperband.BracketAt(index, 1000)).ToArray();
        Assert.Equal([81, 34, 15, 8, 5], round.Select(bracket => bracket.Size));
        Assert.Equal([[1, 3, 9, 27], [3, 9, 27], [9, 27], [27], []], round.Select(bracket => bracket.Rungs));
        Assert.Equal((0, 1, 4, 5), (hyperband.BracketOf(80, 1000).Index, hyperband.BracketOf(81, 1000).Index, hyperband.BracketOf(142, 1000).Index, hyperband.BracketOf(143, 1000).Index));

        // The last bracket gets what is left of the trials.
        Assert.Equal(19, hyperband.BracketOf(100, 100).Size);
    }

    [Fact]
    public void Asha_promotes_the_best_third_of_those_who_have_come_highest_rung_first()
    {
        var asha = new Asha(1, 27, 3);
        Assert.Equal([1, 3, 9], asha.BracketAt(0, 100).Rungs);
        var ladder = Enter(Ladder.Empty, 0, (0, 0.3), (1, 0.9));
        Assert.Null(ladder.Promotable(asha, 100));
        ladder = Enter(ladder, 0, (2, 0.5));
        Assert.Equal(1, ladder.Promotable(asha, 100)!.Value.Trial);
        ladder = ladder.Promote(0, 0, Entry(1, 0.9));
        Assert.Null(ladder.Promotable(asha, 100));

        // A later, better one takes the second place of six: the third of them is not promoted for it.
        ladder = Enter(ladder, 0, (3, 0.95), (4, 0.1), (5, 0.2));
        Assert.Equal(3, ladder.Promotable(asha, 100)!.Value.Trial);
        ladder = Enter(ladder.Promote(0, 0, Entry(3, 0.95)), 1, (1, 0.9), (3, 0.95), (6, 0.1));
        Assert.Equal(3, ladder.Promotable(asha, 100)!.Value.Trial);
        Assert.Null(ladder.Promote(0, 1, Entry(3, 0.95)).Promotable(asha, 100));
    }

    [Fact]
    public void A_synchronous_rung_waits_for_everybody_and_for_those_who_failed_on_the_way()
    {
        var halving = new SuccessiveHalving(1, 9, 3);
        var ladder = Enter(Ladder.Empty, 0, (0, 0.3), (1, 0.9), (2, 0.5), (3, 0.1), (4, 0.2));
        Assert.Null(ladder.Promotable(halving, 6));
        Assert.Null(ladder.Hopeless(halving, halving.BracketAt(0, 6)));
        ladder = ladder.Miss(0, 0);
        Assert.Equal(1, ladder.Promotable(halving, 6)!.Value.Trial);
        Assert.Equal(3, ladder.Hopeless(halving, halving.BracketAt(0, 6))!.Value.Trial);
        ladder = ladder.Promote(0, 0, Entry(1, 0.9));
        Assert.Equal(2, ladder.Promotable(halving, 6)!.Value.Trial);
    }

    [Fact]
    public void A_value_that_is_none_is_the_worst()
    {
        Assert.True(RungEntry.Of(Goal.Maximize, 0, null) > RungEntry.Of(Goal.Maximize, 9, -1e300));
        Assert.True(RungEntry.Of(Goal.Maximize, 1, 0.5) > RungEntry.Of(Goal.Maximize, 0, 0.5));
        Assert.True(RungEntry.Of(Goal.Minimize, 1, 0.4) < RungEntry.Of(Goal.Minimize, 0, 0.5));
    }

    private static Ladder Enter(Ladder ladder, int rung, params (int Trial, double Value)[] trials) =>
        trials.Aggregate(ladder, (at, trial) => at.Enter(0, rung, Entry(trial.Trial, trial.Value)));

    private static RungEntry Entry(int trial, double value) => RungEntry.Of(Goal.Maximize, trial, value);

    private static ObservedTrial[] Trials(params double[][] values) => [.. values.Select((reports, number) => Trial(number, [.. reports]))];

    private static ObservedTrial Trial(int number, params double?[] reports) => new(number, ParameterAssignment.Empty, ObservedState.Running, reports, (double?)null);
}
