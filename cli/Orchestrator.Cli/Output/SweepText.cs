using Orchestrator.Cli.Terminal;
using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>A sweep in words.</summary>
internal static class SweepText
{
    /// <summary>Trials that will not change any more.</summary>
    public static int Ended(Sweep sweep) => sweep.Trials.Count(trial => trial.State is "succeeded" or "stopped" or "failed" or "cancelled");

    public static bool HasEnded(Sweep sweep) => sweep.State is "succeeded" or "failed" or "cancelled";

    public static string Headline(Sweep sweep)
    {
        var name = sweep.Name.Length > 0 ? $" ({sweep.Name})" : "";
        var best = sweep.Best is null ? "" : $"; best {sweep.Objective?.Metric} {Plain.Number(sweep.Best.Value)} by trial {sweep.Best.Trial}";
        var message = sweep.Message.Length > 0 ? $"; {sweep.Message}" : "";
        return $"sweep {sweep.Id}{name} {sweep.State}: {Ended(sweep)} of {Planned(sweep)} trials in {Plain.Seconds(sweep.Seconds)}{best}{message}";
    }

    /// <summary>The best trial with its parameters and metrics; the sweep has one.</summary>
    public static string Best(Sweep sweep)
    {
        var best = sweep.Best;
        var trial = sweep.Trials.FirstOrDefault(trial => trial.Number == best.Trial);
        var parameters = string.Join("  ", trial?.Parameters?.Fields.OrderBy(field => field.Key, StringComparer.Ordinal)
            .Select(field => $"{field.Key} {Plain.Value(field.Value)}") ?? []);
        return $"best trial {best.Trial}: {sweep.Objective?.Metric} {Plain.Number(best.Value)}, run {best.Run}\n  parameters  {parameters}\n"
            + $"  metrics     {Plain.Metrics(trial?.Metrics ?? [])}";
    }

    public static void Print(Shell shell, Sweep sweep)
    {
        shell.Out.WriteLine(Headline(sweep));
        if (!sweep.Repeatable)
        {
            shell.Out.WriteLine("a time limit or a failure budget decided something: another run of this file may differ");
        }

        if (sweep.Trials.Count > 0)
        {
            Tables.Console(shell).Write(Tables.Trials(shell, sweep));
        }
    }

    /// <summary>The values so far, the front where there are several objectives, and which parameters matter.</summary>
    public static void Explain(Shell shell, Sweep sweep)
    {
        if (sweep.BestSoFar.Count > 0)
        {
            shell.Out.WriteLine($"best so far: {string.Join(", ", sweep.BestSoFar.Select(best => $"{Plain.Number(best.Value)} (trial {best.Trial})"))}");
        }

        if (sweep.Front.Count > 0)
        {
            shell.Out.WriteLine($"Pareto front: trials {string.Join(", ", sweep.Front)}");
        }

        foreach (var importance in sweep.Importance)
        {
            shell.Out.WriteLine($"importance  {importance.Parameter,-24} {Plain.Bar(importance.Share, 20)} {importance.Share:P0}");
        }
    }

    public static int Planned(Sweep sweep) => Math.Max(sweep.TrialsPlanned, sweep.Trials.Count);
}
