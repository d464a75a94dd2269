using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class PbtSamplerTests : SamplerConformance
{
    protected override ISampler Sampler { get; } = new PbtSampler();
}

public sealed class PopulationTrainingTests
{
    private static readonly PopulationSettings Settings = new(Every: 3, MaxEpochs: 10, Truncation: 0.25, Perturb: 0.2, Resample: 0, Inherited: ["kind"]);

    private static readonly SearchSpace Space = new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("dropout", new ParameterDomain.Uniform(0, 0.5)),
        new("width", new ParameterDomain.Integer(1, 11)),
        new("batch", new ParameterDomain.Integer(1, 1024, Log: true)),
        new("size", new ParameterDomain.Choice([ParameterValue.Of("s"), ParameterValue.Of("m"), ParameterValue.Of("l")], Ordered: true)),
        new("kind", new ParameterDomain.Choice([ParameterValue.Of("a"), ParameterValue.Of("b")])),
        new("momentum", new ParameterDomain.Uniform(0.5, 0.9), [new Condition("kind", [ParameterValue.Of("b")])]),
    ]);

    [Fact]
    public void Members_are_compared_every_few_epochs_but_not_at_the_end()
    {
        Assert.Equal([3, 6, 9], Enumerable.Range(0, 20).Where(Settings.IsExchange));
        Assert.Equal((3, 3, 6, 9, 0), (Settings.NextExchange(0), Settings.NextExchange(2), Settings.NextExchange(3), Settings.NextExchange(8), Settings.NextExchange(9)));
        Assert.False((Settings with { MaxEpochs = 9 }).IsExchange(9));
        Assert.Equal(8 + (3 * 2), Settings.TrialsOf(8));
    }

    [Theory]
    [InlineData(0.2, 10, 2)]
    [InlineData(0.2, 8, 2)]
    [InlineData(0.2, 2, 1)]
    [InlineData(0.5, 5, 2)]
    [InlineData(0.2, 1, 0)]
    public void A_share_of_the_members_ends_and_never_more_than_half(double truncation, int members, int ending) =>
        Assert.Equal(ending, (Settings with { Truncation = truncation }).Ending(members));

    [Fact]
    public void The_worst_give_way_to_copies_of_the_best_and_the_lost_are_replaced_first()
    {
        var training = new PopulationTraining(Settings);
        var members = Ranked(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2);
        var replaced = training.Exchange(members, vacancies: 1, seed: 5, first: 20, most: 100);
        Assert.Equal([null, 7, 6], replaced.Select(replacement => replacement.Loser));
        Assert.All(replaced, replacement => Assert.InRange(replacement.Source, 0, 1));

        // With few trials left the worst goes first, and without any nobody.
        Assert.Equal([null, 7], training.Exchange(members, 1, 5, 20, most: 2).Select(replacement => replacement.Loser));
        Assert.Empty(training.Exchange(members, 1, 5, 20, most: 0));

        // Each of the best is as good a source: over many seeds they are drawn alike.
        var sources = Enumerable.Range(0, 1000).SelectMany(seed => training.Exchange(members, 0, seed, 20, 100)).Count(replacement => replacement.Source == 0);
        Assert.InRange(sources, 880, 1120);
    }

    [Fact]
    public void A_member_without_a_value_is_no_source()
    {
        var training = new PopulationTraining(Settings);
        Assert.Empty(training.Exchange([new(double.PositiveInfinity, 0), new(double.PositiveInfinity, 1)], 2, 1, 2, 10));
        Assert.All(training.Exchange([new(0.1, 3), new(double.PositiveInfinity, 0)], 3, 1, 4, 10), replacement => Assert.Equal(3, replacement.Source));
    }

    [Fact]
    public void A_copys_parameters_move_by_the_share_that_is_told_and_inherited_ones_stay()
    {
        var from = Assignment(("lr", 1e-3), ("dropout", 0.2), ("width", 5L), ("batch", 100L), ("size", "m"), ("kind", "b"), ("momentum", 0.7));
        var seen = new HashSet<string>();
        for (var trial = 0; trial < 1000; trial++)
        {
            var copy = new PopulationTraining(Settings).Explore(Space, 1, trial, from);
            Assert.True(Space.Contains(copy), copy.ToString());
            Assert.Contains(copy["lr"].AsNumber()!.Value, (double[])[0.8e-3, 1.2e-3]);
            Assert.Contains(copy["dropout"].AsNumber()!.Value, (double[])[0.1, 0.3]);
            Assert.Contains(copy["width"].AsNumber()!.Value, (double[])[3, 7]);
            Assert.Contains(copy["batch"].AsNumber()!.Value, (double[])[80, 120]);
            Assert.Contains(copy["size"].ToString(), (string[])["s", "l"]);
            Assert.Equal(from["kind"], copy["kind"]);
            Assert.Contains(copy["momentum"].AsNumber()!.Value, (double[])[0.62, 0.78]);
            seen.Add(copy.ToString());
        }

        // Each of the six goes its own way.
        Assert.Equal(64, seen.Count);
    }

    [Fact]
    public void Some_are_drawn_anew_and_all_stay_in_the_space() => Gen.Select(Spaces.Any, Gen.Long, Gen.Double[0, 1]).Sample(
        (space, seed, resample) =>
        {
            var training = new PopulationTraining(Settings with { Resample = resample, Inherited = [] });
            var from = SpaceRoom.Draw(space, seed, 0);
            for (var trial = 1; trial < 20; trial++)
            {
                var next = training.Explore(space, seed, trial, from);
                if (!space.Contains(next) || !next.Equals(training.Explore(space, seed, trial, from)))
                {
                    return false;
                }

                from = next;
            }

            return true;
        },
        iter: 300);

    [Fact]
    public void A_copy_keeps_to_the_constraints()
    {
        var training = new PopulationTraining(Settings with { Inherited = [] });
        var from = SpaceRoom.Draw(Spaces.Constrained, 1, 0);
        Assert.All(Enumerable.Range(1, 200), trial => Assert.True(Spaces.Constrained.Contains(training.Explore(Spaces.Constrained, 1, trial, from))));
    }

    private static RungEntry[] Ranked(params double[] values) => [.. values.Select((value, trial) => RungEntry.Of(Goal.Maximize, trial, value)).Order()];

    private static ParameterAssignment Assignment(params (string Name, object Value)[] values) => new(values.Select(pair => KeyValuePair.Create(pair.Name, pair.Value switch
    {
        string text => ParameterValue.Of(text),
        long whole => ParameterValue.Of(whole),
        _ => ParameterValue.Of((double)pair.Value),
    })));
}
