using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What a sweep wants of its trials' runs. Every message may come again, and late.</summary>
internal sealed class TrialHandlers(RunCoordinator runs, RunTable table, TrainRows rows, RunOrigins origins, IMessageBus bus, TimeProvider time)
    : IMessageHandler<RunTrial>, IMessageHandler<StopTrial>, IMessageHandler<ScoreTrial>, IMessageHandler<ReleaseTrial>
{
    /// <summary>Starts the run; for one that is known, tells everything that the sweep does not know yet.</summary>
    public async Task HandleAsync(RunTrial message, CancellationToken cancellationToken)
    {
        if (table.Find(message.Run) is { } known)
        {
            if (known is { Outcome: null, CutAfter: null })
            {
                known = await runs.ExecuteAsync(message.Run, new RunCommand.Extend(message.UntilEpoch, time.GetUtcNow(), message.Pinned, message.Beginning));
            }

            foreach (var answer in RunMessages.Beyond(known, message.KnownTicks))
            {
                await RunOutbox.SendAsync(bus, answer, cancellationToken);
            }

            return;
        }

        var spec = RunSpec.FromJson(message.Spec);
        var plan = RunPlan.From(spec, await rows.OfAsync(message.DatasetSha256, cancellationToken));
        plan = message.IsSpeculative ? plan with { Retention = plan.Retention with { KeepPast = true } } : plan;
        CheckpointOrigin? from = null;
        try
        {
            from = message.From is { } source ? await origins.TakeAsync(source, message.Run, spec, message.DatasetSha256, cancellationToken) : null;
        }
        catch (UserException refusal) when (refusal.Status is StatusCode.NotFound or StatusCode.DataLoss or StatusCode.InvalidArgument)
        {
            // Asking again would not bring it back: a person has to look.
            await bus.SendAsync(
                new TrialFinished(message.Sweep, message.Trial, message.Attempt, message.Run, "failed", FailureKind.Corrupt.Name(), refusal.Message, 0, "", ""), cancellationToken);
            return;
        }

        await runs.ExecuteAsync(message.Run, new RunCommand.Request(message.Run, plan with { IsCopied = message.IsCopied }, message.Spec, message.DatasetSha256,
            new TrialKey(message.Sweep, message.Trial, message.Attempt), TraceContexts.Current(), TraceContexts.NewSpanId(), time.GetUtcNow(), message.UntilEpoch, from, message.Beginning));
    }

    /// <summary>One that had ended already says so again.</summary>
    public async Task HandleAsync(StopTrial message, CancellationToken cancellationToken)
    {
        var before = table.Find(message.Run);
        if (before is null && message.AfterEpoch == 0)
        {
            // It never came this far; its sweep waits to hear that nothing is left of it.
            await bus.SendAsync(
                new TrialFinished(message.Sweep, message.Trial, message.Attempt, message.Run, "stopped", "", "", 0, "", ""), cancellationToken);
            return;
        }

        var ended = before is { Outcome: not null };
        var state = await runs.ExecuteAsync(
            message.Run,
            message.AfterEpoch is { } epoch ? new RunCommand.Cut(epoch, time.GetUtcNow()) : new RunCommand.Stop(message.Gracefully, time.GetUtcNow()));
        if (ended && RunMessages.End(state) is { } end)
        {
            await RunOutbox.SendAsync(bus, end, cancellationToken);
        }
    }

    public async Task HandleAsync(ScoreTrial message, CancellationToken cancellationToken)
    {
        var state = await runs.ExecuteAsync(message.Run, new RunCommand.Score(time.GetUtcNow()));
        if (state.TestMetrics is not null && state.Trial is { } trial)
        {
            await bus.SendAsync(RunMessages.Scored(state, trial), cancellationToken);
        }
    }

    public Task HandleAsync(ReleaseTrial message, CancellationToken cancellationToken) =>
        runs.ExecuteAsync(message.Run, new RunCommand.Release(time.GetUtcNow()));
}
