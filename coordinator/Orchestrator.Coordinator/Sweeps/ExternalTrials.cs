using System.Collections.Immutable;
using Grpc.Core;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Api;
using Orchestrator.V1;
using Trial = Orchestrator.Control.Sweeps.Trial;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>Asking for trials and telling of them, for whoever runs the trials of a sweep with <c>workload: external</c>.</summary>
internal sealed class ExternalTrials(SweepBook book, TimeProvider time)
{
    /// <summary>Below what the server gives any call.</summary>
    private const double MostSeconds = 100;

    /// <summary>Steps that may be left out between two that are told: each counts as a report without a value.</summary>
    private const int MostLeftOut = 1000;

    /// <summary>Between two looks while others' leases may run out.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(1);

    private static readonly ImmutableDictionary<string, double> NoMetrics = ImmutableDictionary<string, double>.Empty;

    /// <summary>Leases a trial; waits for one up to the given seconds.</summary>
    /// <exception cref="UserException">There is no such sweep, or its trials are not for asking.</exception>
    public async Task<AskTrialResponse> AskAsync(AskTrialRequest request, CancellationToken cancellationToken)
    {
        var left = double.IsFinite(request.Timeout) ? TimeSpan.FromSeconds(Math.Clamp(request.Timeout, 0, MostSeconds)) : TimeSpan.Zero;
        var started = time.GetTimestamp();
        while (true)
        {
            // Taken before the question, so that what changes meanwhile is not missed.
            var changed = (await book.WatchAsync(request.Id, cancellationToken))?.Changed;
            var ticket = Guid.NewGuid().ToString("N");
            var state = await ExecuteAsync(request.Id, new SweepCommand.Ask(ticket, request.Body?.Worker ?? "", time.GetUtcNow()), cancellationToken);
            if (state.HasEnded)
            {
                return new AskTrialResponse { Done = true };
            }

            if (state.Due.Select(due => state.Trials[due.Trial]).FirstOrDefault(trial => trial.Lease?.Ticket == ticket) is { } leased)
            {
                return new AskTrialResponse { Trial = leased.Number, Parameters = SweepView.ParametersOf(leased.Parameters), Step = leased.KnownTicks, From = SweepView.OriginOf(leased) };
            }

            var rest = left - time.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero || changed is null)
            {
                return new AskTrialResponse { Wait = true };
            }

            using var glance = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(changed, Task.Delay(rest < Glance ? rest : Glance, time, glance.Token));
            await glance.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Journals what came of a trial before it answers.</summary>
    /// <exception cref="UserException">What is told makes no sense; nothing of it counts.</exception>
    public async Task<TellTrialResponse> TellAsync(TellTrialRequest request, CancellationToken cancellationToken)
    {
        var state = await book.ReadAsync(request.Id, cancellationToken);
        var trial = Find(state, request);
        if (request.HasFailed)
        {
            return await FailAsync(request, trial, cancellationToken);
        }

        Check(state, request);
        var step = request.HasStep ? request.Step : request.Metrics.Count > 0 ? trial.KnownTicks + 1 : trial.KnownTicks;
        if (IsRepeated(request, trial, step))
        {
            return request.Final ? new TellTrialResponse() : new TellTrialResponse { Stop = IsIdle(state, trial) };
        }

        if (trial.Status is TrialStatus.Stopped or TrialStatus.Cancelled or TrialStatus.Resting && !request.Final)
        {
            return new TellTrialResponse { Stop = true };
        }

        if (trial.End is not null || trial.Status is TrialStatus.Succeeded or TrialStatus.Failed)
        {
            throw new UserException(StatusCode.FailedPrecondition, "trial-ended", $"trial {trial.Number} of sweep '{state.Id}' has ended", "ask for another one");
        }

        if (step > trial.KnownTicks + MostLeftOut)
        {
            throw Wrong("out-of-range", "step", $"{step} comes after {trial.KnownTicks}", $"tell every step in its turn; {MostLeftOut} may be left out at most");
        }

        for (var tick = trial.KnownTicks + 1; tick <= step; tick++)
        {
            var metrics = tick == step ? request.Metrics.ToImmutableDictionary(StringComparer.Ordinal) : NoMetrics;
            state = await ExecuteAsync(request.Id, new SweepCommand.Report(trial.Number, trial.Attempt, tick, metrics, time.GetUtcNow()), cancellationToken);
        }

        if (!request.Final)
        {
            return new TellTrialResponse { Stop = IsIdle(state, state.Trials[trial.Number]) };
        }

        var end = new TrialEnd(TrialStatus.Succeeded, "", "", step, "", "", time.GetUtcNow());
        await ExecuteAsync(request.Id, new SweepCommand.Finish(trial.Number, trial.Attempt, end), cancellationToken);
        return new TellTrialResponse();
    }

    private static Trial Find(SweepState state, TellTrialRequest request)
    {
        if (!SweepApi.IsThere(state))
        {
            throw SweepApi.Unknown(request.Id);
        }

        if (!state.Settings!.IsExternal)
        {
            throw new UserException(StatusCode.FailedPrecondition, "not-external", $"the trials of sweep '{state.Id}' are run by the cluster's workers", "only a sweep with workload: external is told of trials");
        }

        return request.Trial >= 0 && request.Trial < state.Trials.Count
            ? state.Trials[request.Trial]
            : throw new UserException(StatusCode.NotFound, "unknown-trial", $"sweep '{state.Id}' has no trial {request.Trial}", "tell of a trial that ask has given");
    }

    private static void Check(SweepState state, TellTrialRequest request)
    {
        if (request is { HasStep: true, Step: < 1 })
        {
            throw Wrong("out-of-range", "step", $"{request.Step} is no step", "steps count from 1");
        }

        if (request is { HasStep: false, Final: false })
        {
            throw Wrong("missing-field", "step", "it is not said which step this is", "step: 1, then 2, ...; or final: true with the last metrics; or failed: why");
        }

        if (request.Metrics.FirstOrDefault(metric => !double.IsFinite(metric.Value)) is { Key: { } name, Value: var value })
        {
            throw Wrong("not-finite", $"metrics.{name}", $"{value} is no value", "leave the trial with failed: why, where it diverged");
        }

        if (request is { Metrics.Count: 0, Final: true, HasStep: false })
        {
            return;
        }

        var settings = state.Settings!;
        foreach (var objective in (Control.Sweeps.Objective[])[settings.Objective, .. settings.Others])
        {
            if (!request.Metrics.ContainsKey(objective.Metric))
            {
                throw Wrong("missing-field", $"metrics.{objective.Metric}", $"the sweep searches by '{objective.Metric}'", $"tell it: metrics: {{ {objective.Metric}: 0.3 }}");
            }
        }
    }

    private async Task<TellTrialResponse> FailAsync(TellTrialRequest request, Trial trial, CancellationToken cancellationToken)
    {
        if (trial.Status is TrialStatus.Succeeded || trial.End is { Status: TrialStatus.Succeeded })
        {
            throw new UserException(StatusCode.FailedPrecondition, "trial-ended", $"trial {trial.Number} of sweep '{request.Id}' has ended", "ask for another one");
        }

        var why = request.Failed.Length > 0 ? request.Failed : "no reason was given";
        await ExecuteAsync(
            request.Id,
            new SweepCommand.Finish(trial.Number, trial.Attempt, new TrialEnd(TrialStatus.Failed, "user", why, trial.KnownTicks, "", "", time.GetUtcNow())),
            cancellationToken);
        return new TellTrialResponse();
    }

    /// <summary>Said before, in full.</summary>
    private static bool IsRepeated(TellTrialRequest request, Trial trial, int step) => request.Final
        ? trial.Status is TrialStatus.Stopped or TrialStatus.Cancelled || ((trial.End ?? null)?.Status == TrialStatus.Succeeded && (!request.HasStep || step <= trial.End!.Ticks))
        : step <= trial.KnownTicks;

    /// <summary>Nothing is wanted of whoever works on the trial for now.</summary>
    private static bool IsIdle(SweepState state, Trial trial) => !trial.IsAwaited(state.UntilOf(trial));

    private async Task<SweepState> ExecuteAsync(string id, SweepCommand command, CancellationToken cancellationToken)
    {
        try
        {
            var state = await book.ExecuteAsync(id, command, cancellationToken);
            return SweepApi.IsThere(state) ? state : throw SweepApi.Unknown(id);
        }
        catch (SweepRefusedException refusal)
        {
            throw SweepApi.Refusal(id, refusal);
        }
    }

    private static UserException Wrong(string code, string field, string message, string mend) =>
        new(StatusCode.InvalidArgument, code, $"{field}: {message}", mend);
}
