using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Tests.Sweeps;

/// <summary>What the file's fields come to in the library.</summary>
public sealed class SweepFilingTests
{
    private const string File = """
        name: e
        workload: external
        search: { sampler: tpe, trials: 30, objective: { metric: loss, goal: minimize } }
        parameters:
          lr:   { loguniform: [1e-4, 1], prior: { at: 1e-2 } }
          kind: { choice: [a, b], prior: [3, 1] }
        """;

    [Fact]
    public void Defaults_of_a_file_are_the_librarys()
    {
        Assert.Equal(SamplerOptions.Default, Settings().SamplerOptions);
        var stopper = Settings("search.stopper={ name: patient, of: percentile }").Stopper!;
        Assert.Equal(new StopperSettings("patient") { Of = new StopperSettings("percentile") }, stopper);
    }

    [Fact]
    public void Options_of_a_file_reach_the_library()
    {
        var settings = Settings("search.sampler={ name: tpe, startup: 20, prior_weight: 2, candidates: 9, better: 0.2 }");
        Assert.Equal(new SamplerOptions { Startup = 20, PriorWeight = 2, Candidates = 9, Better = 0.2 }, settings.SamplerOptions);
        Assert.Equal(ParameterPrior.UsualSpread, settings.Space.Parameters[0].Prior!.Spread);
        Assert.Equal([3.0, 1.0], settings.Space.Parameters[1].Prior!.Weights);
    }

    [Fact]
    public void A_population_is_as_the_file_says_and_its_trials_are_counted()
    {
        const string file = """
            name: p
            workload: image-classifier
            dataset: digits
            model: { hidden: $hidden, dropout: $dropout }
            training: { epochs: 30, optimizer: { learning_rate: $lr } }
            search: { sampler: pbt, parallel: 8, objective: { metric: val_accuracy, goal: maximize } }
            parameters:
              lr:      { loguniform: [1e-4, 1] }
              dropout: { uniform: [0, 0.5] }
              hidden:  { choice: [32, 64] }
            """;
        var settings = SweepFiling.SettingsOf(SweepFile.Parse(file, "p.yaml", []), "p.yaml", []);
        var population = settings.Population!;
        Assert.Equal((3, 30, PopulationSettings.UsualTruncation, PopulationSettings.UsualPerturbation, PopulationSettings.UsualResampling),
            (population.Every, population.MaxEpochs, population.Truncation, population.Perturb, population.Resample));
        Assert.Equal(["hidden"], population.Inherited);
        Assert.Equal(8 + (9 * 2), settings.Trials);
        Assert.Equal(20, SweepFiling.SettingsOf(SweepFile.Parse(file, "p.yaml", ["search.trials=20"]), "p.yaml", []).Trials);
        Assert.Equal(8 * 30, SweepPreview.Of(SweepFile.Parse(file, "p.yaml", []), "p.yaml").MaxEpochs);
    }

    [Theory]
    [InlineData("parameters.lr.prior={ at: 2 }", "the prior is around 2, which is not among its values")]
    [InlineData("parameters.lr.prior={ at: 0.01, spread: 3 }", "the spread of a prior is above 0 and at most 1, not 3")]
    [InlineData("parameters.lr.prior=[1, 2]", "the prior of a range names a value: { at: 0.01, spread: 0.2 }")]
    [InlineData("parameters.kind.prior=[1, 2, 3]", "the prior has 3 weights for 2 choices")]
    [InlineData("parameters.kind.prior=[1, 0]", "the weights of a prior are above 0")]
    [InlineData("parameters.kind.prior={ at: a }", "the prior of a choice is a weight for each of its values")]
    public void A_prior_that_does_not_fit_its_parameter_is_told_with_its_line(string set, string message)
    {
        var error = Assert.Throws<SpecException>(() => Settings(set));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("e.yaml:", error.Message, StringComparison.Ordinal);
    }

    private static Orchestrator.Control.Sweeps.SweepSettings Settings(params string[] set) => SweepFiling.SettingsOf(SweepFile.Parse(File, "e.yaml", set), "e.yaml", []);
}
