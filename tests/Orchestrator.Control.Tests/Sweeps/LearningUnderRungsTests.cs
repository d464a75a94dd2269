using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>
/// Samplers that learn where most trials rest. The sampler tpe with the stopper hyperband is BOHB (Falkner, Klein and Hutter, 2018): the model is of what the highest rung
/// with enough trials says.
/// </summary>
public sealed class LearningUnderRungsTests
{
    private const int Epochs = 27;

    private static readonly SearchSpace Space = new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("width", new ParameterDomain.Integer(1, 64)),
        new("decay", new ParameterDomain.Uniform(0, 1)),
    ]);

    [Fact]
    public void Hyperband_with_tpe_learns_from_paused_trials_and_beats_hyperband_on_draws()
    {
        double Regret(string sampler, long seed) => 1 - Play(sampler, seed).Trials.Max(trial => trial.Value ?? 0);
        var (bohb, hyperband) = (Enumerable.Range(0, 7).Average(seed => Regret("tpe", seed)), Enumerable.Range(0, 7).Average(seed => Regret("random", seed)));
        Assert.True(bohb < 0.7 * hyperband, $"{bohb} against {hyperband}");
    }

    [Fact]
    public void The_model_comes_before_the_first_trial_has_been_trained_to_its_end()
    {
        var sweep = Play("tpe", 3);
        var modelled = sweep.Trials.First(trial => trial.Reason.Contains("model", StringComparison.Ordinal));
        Assert.True(modelled.Start < sweep.Trials.Where(trial => trial.Status == TrialStatus.Succeeded).Min(trial => trial.Due.Tick), modelled.ToString());
    }

    [Theory]
    [InlineData("asha")]
    [InlineData("hyperband")]
    public void The_evolution_strategy_learns_from_what_trials_were_worth_at_the_rung_where_they_rest(string stopper)
    {
        double Regret(string sampler, long seed) => 1 - Play(sampler, seed, stopper, trials: 120).Trials.Max(trial => trial.Value ?? 0);
        var (evolved, drawn) = (Enumerable.Range(0, 7).Average(seed => Regret("cma-es", seed)), Enumerable.Range(0, 7).Average(seed => Regret("random", seed)));
        Assert.True(evolved < 0.7 * drawn, $"{evolved} against {drawn}");
    }

    private static SweepState Play(string sampler, long seed, string stopper = "hyperband", int trials = 60)
    {
        var sweep = Sample.Submitted(new SweepSettings(Space, sampler, seed, trials, Parallel: 4, Sample.Accuracy)
        {
            Stopper = new StopperSettings(stopper, MaxEpochs: Epochs),
        });
        while (!sweep.State.HasEnded)
        {
            if (sweep.State.Due.IsEmpty)
            {
                var halting = sweep.State.Trials[sweep.State.Halting.Min];
                sweep.Finish(halting.Number, halting.Values.Length, TrialStatus.Stopped);
            }
            else if (sweep.State.Trials[sweep.State.Due.Min.Trial] is var trial && trial.Values.Length == Epochs)
            {
                sweep.Finish(trial.Number, Epochs);
            }
            else
            {
                sweep.Report(trial.Number, trial.Values.Length + 1, Accuracy(trial.Parameters, trial.Values.Length + 1));
            }
        }

        return sweep.State;
    }

    /// <summary>Rises to at most 1, towards what the parameters are worth.</summary>
    private static double Accuracy(ParameterAssignment parameters, int epoch)
    {
        var lr = Math.Log10(parameters["lr"].AsNumber()!.Value) + 2.3;
        var width = (parameters["width"].AsNumber()!.Value - 40) / 64;
        var decay = parameters["decay"].AsNumber()!.Value - 0.3;
        return (1 - (0.05 * lr * lr) - (width * width) - (decay * decay)) * (1 - Math.Exp(-epoch / 4.0));
    }
}
