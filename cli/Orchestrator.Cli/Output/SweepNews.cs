using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>What changed in a sweep since it was last told of, a line each.</summary>
internal sealed class SweepNews(TextWriter writer)
{
    private readonly Dictionary<int, string> _trials = [];

    private string _state = "";

    public void Tell(Sweep sweep)
    {
        foreach (var trial in sweep.Trials.OrderBy(trial => trial.Number))
        {
            if (trial.State != "pending" && _trials.GetValueOrDefault(trial.Number) != trial.State)
            {
                _trials[trial.Number] = trial.State;
                writer.WriteLine(Line(sweep, trial));
            }
        }

        if (_state != sweep.State)
        {
            _state = sweep.State;
            writer.WriteLine(SweepText.Headline(sweep));
        }
    }

    private static string Line(Sweep sweep, Trial trial)
    {
        var metric = sweep.Objective?.Metric ?? "";
        var value = trial.Metrics.TryGetValue(metric, out var number) ? $" {metric} {Plain.Number(number)}" : "";
        var length = trial.State == "running" ? $" run {trial.Run}" : $" {trial.Epochs} epochs in {Plain.Seconds(trial.Seconds)}";
        return $"trial {trial.Number} {trial.State}{value}{length}{(trial.Message.Length > 0 ? $"; {trial.Message}" : "")}";
    }
}
