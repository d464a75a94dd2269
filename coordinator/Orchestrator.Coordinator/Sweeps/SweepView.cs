using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Wire = Orchestrator.V1;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>A sweep as people see it.</summary>
internal static class SweepView
{
    /// <summary>Everything of it.</summary>
    public static Wire.Sweep Of(SweepState state, DateTimeOffset now) => Of(state, now, trial => TrialOf(state, trial, now));

    /// <summary>With no more of its trials than number, state and run: a list of many sweeps stays small.</summary>
    public static Wire.Sweep Outline(SweepState state, DateTimeOffset now) => Of(state, now, trial => new Wire.Trial
    {
        Number = trial.Number,
        State = StateOf(trial),
        Run = trial.Run(state.Id),
    });

    private static Wire.Sweep Of(SweepState state, DateTimeOffset now, Func<Trial, Wire.Trial> trialOf)
    {
        var (settings, submission) = (state.Settings!, state.Submission!);
        return new Wire.Sweep
        {
            Id = state.Id,
            Name = submission.Name,
            State = StateOf(state),
            Objective = new Wire.Objective
            {
                Metric = settings.Objective.Metric,
                Goal = settings.Objective.Goal == Goal.Maximize ? "maximize" : "minimize",
            },
            Trials = { state.Trials.Select(trialOf) },
            Best = BestOf(state),
            Repeatable = state.IsRepeatable,
            Message = state.Message,
            Labels = { submission.Labels.ToDictionary() },
            TraceId = SweepTraces.TraceIdOf(submission.TraceParent),
            SubmittedAt = state.SubmittedAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
            Seconds = Seconds(state.SubmittedAt, state.EndedAt ?? now),
            TrialsPlanned = settings.Trials,
        };
    }

    /// <summary>A sweep whose winner is being scored still runs.</summary>
    private static string StateOf(SweepState state) => state.Phase switch
    {
        SweepPhase.Searching when state.IsPaused => "paused",
        SweepPhase.Searching when state.Trials.All(trial => trial.Status == TrialStatus.Pending) => "pending",
        SweepPhase.Searching or SweepPhase.Scoring => "running",
        SweepPhase.Succeeded => "succeeded",
        SweepPhase.Failed => "failed",
        SweepPhase.Cancelled => "cancelled",
        _ => throw new UnreachableException($"{state.Phase} has no name."),
    };

    /// <summary>A run that has ended shows so, though logical time may not be there yet.</summary>
    private static string StateOf(Trial trial) => (trial is { HasEnded: false, End: { } end } ? end.Status : trial.Status) switch
    {
        TrialStatus.Pending => "pending",
        TrialStatus.Running => "running",
        TrialStatus.Paused => "paused",
        TrialStatus.Succeeded => "succeeded",
        TrialStatus.Stopped => "stopped",
        TrialStatus.Failed => "failed",
        TrialStatus.Cancelled => "cancelled",
        _ => throw new UnreachableException($"{trial.Status} has no name."),
    };

    private static Wire.Trial TrialOf(SweepState state, Trial trial, DateTimeOffset now)
    {
        var view = new Wire.Trial
        {
            Number = trial.Number,
            State = StateOf(trial),
            Parameters = ParametersOf(trial.Parameters),
            Run = trial.Run(state.Id),
            Epochs = trial.HasEnded ? trial.Values.Count : trial.KnownTicks,
            Seconds = trial.StartedAt is { } started ? Seconds(started, trial.EndedAt ?? trial.End?.At ?? now) : 0,
            Message = trial.Message,
        };
        foreach (var (name, value) in (trial.StandingOfKnown(state.Settings!.Objective)?.Metrics ?? []).Concat(trial.TestMetrics ?? []))
        {
            view.Metrics[name] = value;
        }

        return view;
    }

    private static Wire.BestTrial? BestOf(SweepState state) => state.Best is { } number && state.Trials[number] is { } best
        ? new Wire.BestTrial { Trial = number, Value = best.Value!.Value, Run = best.Run(state.Id), Checkpoint = best.End?.Checkpoint ?? "" }
        : null;

    private static Struct ParametersOf(ParameterAssignment parameters)
    {
        var fields = new Struct();
        foreach (var (name, value) in parameters)
        {
            using var json = JsonDocument.Parse(value.Json);
            fields.Fields[name] = ValueOf(json.RootElement);
        }

        return fields;
    }

    private static Value ValueOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => Value.ForString(element.GetString()),
        JsonValueKind.Number => Value.ForNumber(element.GetDouble()),
        JsonValueKind.True or JsonValueKind.False => Value.ForBool(element.GetBoolean()),
        JsonValueKind.Array => Value.ForList([.. element.EnumerateArray().Select(ValueOf)]),
        JsonValueKind.Object => Value.ForStruct(new Struct
        {
            Fields = { element.EnumerateObject().ToDictionary(member => member.Name, member => ValueOf(member.Value)) },
        }),
        _ => Value.ForNull(),
    };

    private static double Seconds(DateTimeOffset from, DateTimeOffset to) => Math.Max(0, Math.Round((to - from).TotalSeconds, 3));
}
