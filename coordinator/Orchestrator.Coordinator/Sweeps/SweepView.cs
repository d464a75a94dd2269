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
            Objective = ObjectiveOf(settings.Objective),
            Trials = { state.Trials.Select(trialOf) },
            Best = BestOf(state),
            Repeatable = state.IsRepeatable,
            Message = state.Message.Length > 0 ? state.Message : state.Closed,
            Labels = { submission.Labels.ToDictionary() },
            TraceId = SweepTraces.TraceIdOf(submission.TraceParent),
            SubmittedAt = state.SubmittedAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
            Seconds = Seconds(state.SubmittedAt, state.EndedAt ?? now),
            TrialsPlanned = settings.Trials,
            Objectives = { settings.Others.Count == 0 ? [] : ((Objective[])[settings.Objective, .. settings.Others]).Select(ObjectiveOf) },
            Front = { settings.Others.Count == 0 ? [] : Ranking.Front(state) },
            BestSoFar = { BestSoFar(state) },
            Sampler = settings.Sampler,
            Stopper = settings.Stopper?.Name ?? "",
            Parallel = settings.Parallel,
        };
    }

    /// <summary>How much of the objective's spread each parameter explains; nothing where too few trials have values.</summary>
    public static IEnumerable<Wire.Importance> ImportanceOf(SweepState state)
    {
        var settings = state.Settings!;
        return ParameterImportance.Of(settings.Space, [.. new ObservedTrials(settings with { Earlier = [] }, state.Trials)], settings.Seed)
            .Select(importance => new Wire.Importance { Parameter = importance.Parameter, Share = importance.Share });
    }

    private static Wire.Objective ObjectiveOf(Objective objective) =>
        new() { Metric = objective.Metric, Goal = objective.Goal == Goal.Maximize ? "maximize" : "minimize" };

    private static IEnumerable<Wire.BestSoFar> BestSoFar(SweepState state)
    {
        Trial? best = null;
        foreach (var trial in state.Trials.Where(trial => trial.Value is not null).OrderBy(trial => trial.Start + trial.Rested + trial.Values.Length).ThenBy(trial => trial.Number))
        {
            if (best is null || Ranking.Compare(state.Settings!, trial, best) < 0)
            {
                best = trial;
                yield return new Wire.BestSoFar { Trial = trial.Number, Value = trial.Value!.Value };
            }
        }
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
    private static string StateOf(Trial trial) => (trial is { Status: TrialStatus.Pending or TrialStatus.Running, End: { } end } ? end.Status : trial.Status) switch
    {
        TrialStatus.Pending => "pending",
        TrialStatus.Running => "running",
        TrialStatus.Paused or TrialStatus.Resting => "paused",
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
            Run = state.Settings!.IsExternal ? "" : trial.Run(state.Id),
            Epochs = trial.HasEnded ? trial.Values.Length : trial.KnownTicks,
            Seconds = trial.StartedAt is { } started ? Seconds(started, trial.EndedAt ?? trial.End?.At ?? now) : 0,
            Message = trial.Message,
            Reason = trial.Reason,
            From = OriginOf(trial),
            Worker = trial.Lease?.Worker ?? "",
            Rung = trial.Rung is { } rung ? new Wire.Rung { Epoch = rung.Epoch, Rank = rung.Rank, Of = rung.Of } : null,
            Values = { state.Settings!.Others.Count > 0 && Ranking.ValuesOf(state.Settings, trial) is { } values ? values : [] },
        };
        foreach (var (name, value) in (trial.StandingOfKnown(state.Settings!.Objective)?.Metrics ?? []).Concat(trial.TestMetrics ?? []))
        {
            view.Metrics[name] = value;
        }

        return view;
    }

    private static Wire.BestTrial? BestOf(SweepState state) => state.Best is { } number && state.Trials[number] is { } best
        ? new Wire.BestTrial { Trial = number, Value = best.Value!.Value, Run = state.Settings!.IsExternal ? "" : best.Run(state.Id), Checkpoint = best.End?.Checkpoint ?? "" }
        : null;

    public static Wire.TrialOrigin? OriginOf(Trial trial) => trial.From is { } from ? new Wire.TrialOrigin { Trial = from.Trial, Epoch = from.Epoch } : null;

    public static Struct ParametersOf(ParameterAssignment parameters)
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
