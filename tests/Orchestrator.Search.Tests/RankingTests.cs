using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class RankingTests
{
    private static readonly Gen<double[][]> Costs = Gen.Int[1, 4].SelectMany(goals =>
        Gen.Int[0, 6].Select(value => (double)value).Array[goals].Array[1, 25]);

    [Fact]
    public void Trials_that_ended_whole_come_before_stopped_ones_and_failed_ones_last()
    {
        var study = StudyOf(
            Trial(0, ObservedState.Failed), Trial(1, ObservedState.Stopped, 0.1, ticks: 1), Trial(2, ObservedState.Succeeded, 0.5),
            Trial(3, ObservedState.Running), Trial(4, ObservedState.Stopped, 0.2, ticks: 3), Trial(5, ObservedState.Succeeded, 0.4),
            Trial(6, ObservedState.Succeeded, 0.1) with { Constraints = [-1, 0.2] }, Trial(7, ObservedState.Succeeded, 0.4));
        Assert.Equal([5, 7, 2, 4, 1, 6, 0], Ranking.BestFirst(History.Of(study, 8)));
    }

    [Fact]
    public void The_best_few_are_the_first_of_all() => Gen.Select(Gen.Int[1, 2], Gen.Int[0, 3].Array[0, 40], Gen.Int[0, 6].Array[80], Gen.Int[0, 45]).Sample((goals, states, values, few) =>
    {
        var trials = states.Select((state, number) =>
        {
            var trial = Trial(number, (ObservedState)state, values[number], ticks: values[number]);
            return state is 0 or 3 ? trial with { Values = [] } : trial with { Values = [.. Enumerable.Range(0, goals).Select(goal => (double)values[(goal * 40) + number])] };
        }).ToArray();
        var ended = trials.Where(trial => trial.State != ObservedState.Running).Select((trial, number) => trial with { Number = number }).ToArray();
        bool IsHead(ObservedTrial[] of, Func<History, int[]> all)
        {
            var history = History.Of(StudyOf(of) with { Goals = [.. Enumerable.Repeat(Goal.Minimize, goals)] }, of.Length);
            return Ranking.BestInformative(history, few).SequenceEqual(all(history).Take(few));
        }

        return IsHead(ended, Ranking.BestFirst) && IsHead(trials, history => Ranking.BestInformative(history, history.Count));
    });

    [Fact]
    public void What_is_to_be_maximized_is_better_where_it_is_higher()
    {
        var study = StudyOf(Trial(0, ObservedState.Succeeded, 0.1), Trial(1, ObservedState.Succeeded, 0.9)) with { Goals = [Goal.Maximize] };
        Assert.Equal([1, 0], Ranking.BestFirst(History.Of(study, 2)));
    }

    [Fact]
    public void A_trial_without_all_values_has_failed()
    {
        var study = StudyOf(Trial(0, ObservedState.Succeeded, 0.1), Trial(1, ObservedState.Succeeded)) with { Goals = [Goal.Minimize] };
        Assert.Equal([0, 1], Ranking.BestFirst(History.Of(study, 2)));
        Assert.Equal(1, History.Of(study, 2).Valued);
    }

    [Fact]
    public void Fronts_are_what_peeling_gives() => Costs.Sample(costs =>
    {
        var fronts = ParetoFront.Fronts(costs);
        var left = Enumerable.Range(0, costs.Length).ToHashSet();
        for (var front = 0; left.Count > 0; front++)
        {
            var peeled = left.Where(point => !left.Any(other => ParetoFront.Dominates(costs[other], costs[point]))).ToArray();
            if (!peeled.All(point => fronts[point] == front))
            {
                return false;
            }

            left.ExceptWith(peeled);
        }

        return true;
    });

    [Fact]
    public void Crowding_of_a_known_front() => Assert.Equal(
        [double.PositiveInfinity, 2 * 0.75, 2 * 0.5 + 0.0, double.PositiveInfinity],
        ParetoFront.Crowding([[0, 4], [1, 3], [3, 1], [4, 0]], [0, 0, 0, 0]).Select((distance, i) => i == 2 ? distance - 0.5 : distance));

    [Theory]
    [InlineData(new double[] { 0, 0 }, 1.0)]
    [InlineData(new[] { 0.5, 0.25 }, 0.375)]
    [InlineData(new[] { 0.25, 0.75, 0.75, 0.25 }, 0.3125)]
    [InlineData(new[] { 0.25, 0.75, 0.5, 0.5, 0.75, 0.25 }, 0.375)]
    [InlineData(new[] { 0.5, 1.5 }, 0.0)]
    public void Known_areas(double[] flat, double expected) =>
        Assert.Equal(expected, ParetoFront.Hypervolume([.. flat.Chunk(2)], [1, 1]), 1e-12);

    [Fact]
    public void The_hypervolume_is_the_share_of_dominated_points() => Gen.Int[2, 4].SelectMany(goals => Gen.Double[0, 1].Array[goals].Array[1, 8]).Sample(
        costs =>
        {
            var goals = costs[0].Length;
            var dominated = Enumerable.Range(0, 4000).Count(probe =>
            {
                var point = Enumerable.Range(0, goals).Select(i => SobolSequence.Scrambled(3, (uint)probe, i)).ToArray();
                return costs.Any(cost => cost.Zip(point).All(pair => pair.First <= pair.Second));
            });
            return Math.Abs((dominated / 4000.0) - ParetoFront.Hypervolume(costs, [.. Enumerable.Repeat(1.0, goals)])) < 0.03;
        },
        iter: 60);

    private static Study StudyOf(params ObservedTrial[] trials) => new(Spaces.Constrained, 0, Goal.Minimize, trials);

    private static ObservedTrial Trial(int number, ObservedState state, double? value = null, int ticks = 5) => new(
        number, Spaces.Constrained.Codec.Decode([0.1, 0.1, 0.1]), state, [.. Enumerable.Repeat<double?>(value, ticks)], value);
}
