using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>What ASHA with its defaults makes of trainings that really took place, in twenty orders of their trials.</summary>
public sealed class RecordedCurvesTests
{
    private const int Orders = 20;

    [Theory]
    [InlineData("mlp", 1)]
    [InlineData("mlp", 16)]
    [InlineData("cnn", 1)]
    [InlineData("cnn", 16)]
    public void Asha_comes_to_the_best_accuracy_of_full_training_but_for_one_image_with_a_third_of_the_epochs_at_most(string model, int parallel)
    {
        var curves = RecordedCurves.Accuracy(model);
        Assert.All(Enumerable.Range(0, Orders), order =>
        {
            var played = Play(curves.Shuffled(order), Goal.Maximize, parallel, order);
            Assert.InRange(Share(played, curves), 0.1, 1.0 / 3);
            Assert.InRange(Best(played), curves.Highest - 1, curves.Highest);
        });
    }

    [Fact]
    public void Where_curves_tell_early_who_will_be_good_asha_finds_the_very_best_loss()
    {
        var curves = RecordedCurves.Loss("cnn");
        Assert.All(Enumerable.Range(0, Orders), order =>
        {
            var played = Play(curves.Shuffled(order), Goal.Minimize, 8, order);
            Assert.InRange(Share(played, curves), 0.1, 1.0 / 3);
            Assert.Equal(curves.Lowest, Best(played));
        });
    }

    private static Forecast Play(RecordedCurves curves, Goal goal, int parallel, int order) => new SweepForecast(
        new SweepSettings(Sample.Space, "random", order, curves.Count, parallel, new Objective("m", goal)) { Stopper = new StopperSettings("asha", MaxEpochs: RecordedCurves.Epochs) },
        RecordedCurves.Epochs, parallel, _ => 1, curves.At).Run();

    private static double Best(Forecast played) => played.State.Trials[played.State.Best!.Value].Value!.Value;

    private static double Share(Forecast played, RecordedCurves curves) => (double)played.Epochs / (RecordedCurves.Epochs * curves.Count);
}
