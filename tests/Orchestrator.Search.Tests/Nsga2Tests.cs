using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class Nsga2Tests : ModelSamplerConformance
{
    protected override ISampler Sampler { get; } = new Nsga2Sampler();

    protected override int Enough => 120;

    [Fact]
    public void Covers_more_of_a_known_front_than_draws_do()
    {
        var ours = Volume(Sampler);
        var drawn = Volume(new RandomSampler());

        // ZDT1's front covers 0.8762 of the box up to (1.1, 1.1).
        Assert.True(ours > drawn + 0.15, $"{ours} against {drawn}");
    }

    /// <summary>Median over seeds of the hypervolume that 300 trials of ZDT1 with 8 parameters reach (Zitzler, Deb and Thiele, 2000).</summary>
    private static double Volume(ISampler sampler)
    {
        var space = new SearchSpace([.. Enumerable.Range(0, 8).Select(i => new Parameter($"x{i}", new ParameterDomain.Uniform(0, 1)))]);
        return Enumerable.Range(0, 3).Select(seed =>
        {
            var trials = new List<ObservedTrial>();
            while (trials.Count < 300)
            {
                var parameters = sampler.Suggest(new Study(space, seed, [Goal.Minimize, Goal.Maximize], trials), trials.Count)!.Parameters;
                var x = parameters.Values.Select(value => value.AsNumber()!.Value).ToArray();
                var g = 1 + (9 * x.Skip(1).Average());
                trials.Add(new ObservedTrial(trials.Count, parameters, ObservedState.Succeeded, [], [x[0], -(g * (1 - Math.Sqrt(x[0] / g)))]));
            }

            return ParetoFront.Hypervolume([.. trials.Select(trial => new[] { trial.Values[0], -trial.Values[1] })], [1.1, 1.1]);
        }).Order().ElementAt(1);
    }
}
