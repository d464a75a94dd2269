using System.Text.Json;
using CsCheck;
using Xunit;

namespace Orchestrator.Search.Tests;

/// <summary>What every sampler keeps to.</summary>
public abstract class SamplerConformance
{
    private const int Trials = 12;

    protected abstract ISampler Sampler { get; }

    [Fact]
    public void Takes_every_space_and_stays_inside() => Spaces.Any.Sample(
        space => Sequence(space, seed: 3).All(suggestion => space.Contains(suggestion)), iter: 400);

    [Fact]
    public void A_suggestion_is_a_function_of_the_study_and_the_trials_number() => Gen.Select(Spaces.Any, Gen.Long).Sample(
        (space, seed) =>
        {
            var first = Sequence(space, seed);
            var copy = JsonSerializer.Deserialize<SearchSpace>(JsonSerializer.Serialize(space))!;
            var study = StudyOf(copy, seed, first);
            return Enumerable.Range(0, first.Count).Reverse().All(trial =>
                first[trial].Equals(Sampler.Suggest(study with { Trials = [.. study.Trials.Take(trial)] }, trial)?.Parameters));
        },
        iter: 200);

    [Fact]
    public void Is_found_by_its_name() => Assert.Equal(Sampler.GetType(), SamplerCatalog.Find(Sampler.Name)?.GetType());

    [Fact]
    public void Has_as_many_trials_as_it_says() => Spaces.Any.Sample(
        space =>
        {
            var study = new Study(space, 1, Goal.Maximize, []);
            return Sampler.Size(space) is { } size
                ? Sampler.Suggest(study, (int)(size - 1)) is not null && Sampler.Suggest(study, (int)size) is null
                : Sampler.Suggest(study, 1_000_000) is not null;
        },
        iter: 200);

    [Fact]
    public void Parameters_that_do_not_apply_are_absent()
    {
        var suggestions = Sequence(Spaces.Conditional, seed: 5);
        Assert.NotEmpty(suggestions);
        Assert.All(suggestions, suggestion =>
            Assert.Equal(suggestion["optimizer"] == ParameterValue.Of("sgd"), suggestion.ContainsKey("momentum")));
    }

    [Fact]
    public void Keeps_to_constraints_between_parameters()
    {
        var suggestions = Sequence(Spaces.Constrained, seed: 2);
        Assert.Equal(Trials, suggestions.Count);
        Assert.All(suggestions, suggestion => Assert.True(Spaces.Constrained.Contains(suggestion), suggestion.ToString()));
    }

    private List<ParameterAssignment> Sequence(SearchSpace space, long seed)
    {
        var suggestions = new List<ParameterAssignment>();
        while (suggestions.Count < Trials && Sampler.Suggest(StudyOf(space, seed, suggestions), suggestions.Count) is { } next)
        {
            suggestions.Add(next.Parameters);
        }

        return suggestions;
    }

    private static Study StudyOf(SearchSpace space, long seed, List<ParameterAssignment> before) => new(space, seed, Goal.Maximize,
        [.. before.Select((parameters, number) => new ObservedTrial(number, parameters, ObservedState.Succeeded, [number % 3], number % 3))]);
}

public sealed class GridSamplerTests : SamplerConformance
{
    protected override ISampler Sampler { get; } = new GridSampler();
}

public sealed class RandomSamplerTests : SamplerConformance
{
    protected override ISampler Sampler { get; } = new RandomSampler();

    [Fact]
    public void Draws_are_spread_evenly_over_the_logarithm()
    {
        var space = new SearchSpace([new("lr", new ParameterDomain.LogUniform(1e-4, 1))]);
        var study = new Study(space, 11, Goal.Minimize, []);
        var counts = new int[4];
        for (var trial = 0; trial < 4000; trial++)
        {
            counts[(int)Math.Floor(Math.Log10(Sampler.Suggest(study, trial)!.Parameters["lr"].AsNumber()!.Value)) + 4]++;
        }

        // 1000 each; five standard deviations of a binomial are 137.
        Assert.All(counts, count => Assert.InRange(count, 863, 1137));
    }

    [Fact]
    public void Dimensions_are_independent()
    {
        var space = new SearchSpace([new("a", new ParameterDomain.Uniform(0, 1)), new("b", new ParameterDomain.Uniform(0, 1))]);
        var study = new Study(space, 11, Goal.Minimize, []);
        var pairs = Enumerable.Range(0, 4000).Select(trial => Sampler.Suggest(study, trial)!.Parameters).ToArray();
        var covariance = pairs.Average(pair => (pair["a"].AsNumber()!.Value - 0.5) * (pair["b"].AsNumber()!.Value - 0.5));

        // Standard deviation 1 / (12 sqrt 4000) = 0.0013.
        Assert.InRange(covariance, -0.0065, 0.0065);
    }

    [Fact]
    public void Another_seed_gives_another_sweep()
    {
        var study = new Study(Spaces.Conditional, 1, Goal.Minimize, []);
        Assert.NotEqual(Sampler.Suggest(study, 0), Sampler.Suggest(study with { Seed = 2 }, 0));
    }

    [Fact]
    public void The_sequence_of_a_seed_is_the_same_for_ever()
    {
        var study = new Study(Spaces.Conditional, 7, Goal.Minimize, []);
        Assert.Equal(
            GoldenSequence,
            Enumerable.Range(0, 4).Select(trial => JsonSerializer.Serialize(Sampler.Suggest(study, trial)!.Parameters)));
    }

    /// <summary>By an implementation in another language.</summary>
    private static readonly string[] GoldenSequence =
    [
        """{"lr":0.00025275576348,"optimizer":"adamw","hidden":128}""",
        """{"lr":0.000718634200801,"optimizer":"adam","nesterov":true,"hidden":64}""",
        """{"lr":0.0575732715975,"optimizer":"adamw","hidden":192}""",
        """{"lr":0.000115965376496,"momentum":0.899024353989821,"optimizer":"sgd","nesterov":false,"hidden":128}""",
    ];
}
