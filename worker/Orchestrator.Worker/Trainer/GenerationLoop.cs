using Orchestrator.Collectives;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>
/// One generation after the other, in one process: meet the peers, train, and where a peer is lost say so and wait with the state for the next word, for as long as it takes.
/// </summary>
internal sealed class GenerationLoop(AgentLink link, Peers peers, TrainingSession session, TaskObserver observer, Serilog.ILogger log)
{
    private static readonly TimeSpan BeatWhileWaiting = TimeSpan.FromMilliseconds(200);
    internal static readonly TimeSpan MeetPatience = TimeSpan.FromSeconds(30);

    /// <summary>A newcomer waits for the others' step to end, however long that takes; should one of them be lost, another word comes.</summary>
    internal static readonly TimeSpan BoundaryPatience = TimeSpan.FromMinutes(10);

    /// <returns>Null where this trainer has nothing to say of the run: that ended or goes on without it.</returns>
    public TaskEnded? Run(AssignTask told)
    {
        if (FirstOrder(told) is not { } order)
        {
            return null;
        }

        while (!order.Leaves)
        {
            if (Train(order) is { } outcome)
            {
                observer.FlushSteps();
                return Ended(outcome, order.Generation);
            }

            if (NextOrder(order.Generation) is not { } next)
            {
                log.Information("this machine is wanted back, and no generation came after {Generation}: what this trainer has, of step {Step}, goes into a checkpoint", order.Generation, session.Step);
                return session.WriteAndLeave() is { } written ? Ended(written, order.Generation) : null;
            }

            order = next;
        }

        log.Information("generation {Generation} goes on without this trainer, after step {Step}", order.Generation, session.Step);
        session.Leave();
        observer.FlushSteps();
        return null;
    }

    private static TaskEnded Ended(TrainingOutcome outcome, int generation)
    {
        var ended = new TaskEnded
        {
            Step = outcome.Step,
            Epoch = outcome.Epoch,
            WeightsHash = outcome.WeightsHash,
            SamplesPerEpoch = outcome.SamplesPerEpoch,
            Stopped = outcome.Stopped,
            Paused = outcome.Paused,
            LeftGeneration = outcome.Left ? generation : 0,
        };
        ended.Metrics.Add(outcome.Metrics.ToDictionary());
        return ended;
    }

    // Null where the run was stopped before it began, or nobody here waits for it any longer.
    private BeginGeneration? FirstOrder(AssignTask told)
    {
        BeginGeneration? order;
        while ((order = link.Orders.WaitAfter(0, BeatWhileWaiting)) is null)
        {
            if (link.Stop.IsRequested || link.Stop.IsLeaveRequested)
            {
                return null;
            }

            Beat();
        }

        if (order.Shards.Count == 0 && !order.Leaves)
        {
            // In the place that it was started for.
            (order.Rank, order.UntilEpoch) = (told.Rank, told.UntilEpoch);
            order.Shards.Add(told.Shards);
        }

        return order;
    }

    // Null where nobody here waits for it any longer.
    private BeginGeneration? NextOrder(int generation)
    {
        BeginGeneration? order;
        while ((order = link.Orders.WaitAfter(generation, BeatWhileWaiting)) is null || link.Orders.IsAbandoned)
        {
            if (link.Stop.IsLeaveRequested)
            {
                return null;
            }

            Beat();
        }

        return order;
    }

    /// <returns>Null where the generation is over and the run is not.</returns>
    private TrainingOutcome? Train(BeginGeneration order)
    {
        var plan = Peers.Plan(order.Shards);
        observer.Begin(order.Generation, order.Rank, plan.WorldSize);
        // Not disposed of: a word that comes late may still cancel it.
        var over = new CancellationTokenSource();
        var hearing = new PeerHearing();
        link.Hearing = (order.Generation, hearing);
        ICollective? collective = null;
        try
        {
            Beat();
            link.Orders.Meet(order.Generation, over.Cancel);
            collective = peers.Meet(order, plan, order.AtBoundary ? BoundaryPatience : MeetPatience, hearing, over.Token);
            link.Orders.Run(order.Generation, () => End(collective));
            var shards = plan.Ranges[order.Rank];
            log.Information(
                "generation {Generation}, rank {Rank} of {WorldSize} trains shards {First} to {Last} from step {Step}; gradients travel by {Transport}",
                order.Generation, order.Rank, plan.WorldSize, shards.First, shards.End - 1, session.Step, collective.Transport);
            var start = new GenerationStart(order.KnownEpochs, order.KnownCheckpointStep, () => link.Orders.After(order.Generation) is not null, order.UntilEpoch);
            return session.Train(collective, start, CancellationToken.None);
        }
        catch (CollectiveException lost)
        {
            Say(order.Generation, lost, hearing.Unheard());
            return null;
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            link.Hearing = null;
            link.Orders.Leave();
            if (collective is not null)
            {
                End(collective);
            }
        }
    }

    private void Say(int generation, CollectiveException lost, IReadOnlyList<int> unheard)
    {
        observer.FlushSteps();
        if (link.Orders.After(generation) is not null || link.Orders.IsAbandoned)
        {
            return;
        }

        log.Warning("generation {Generation} is over after step {Step}: {Message}", generation, session.Step, lost.Message);
        var interrupted = new TaskInterrupted { Generation = generation, AppliedStep = session.Step, SuspectRank = lost.Peer, Message = lost.Message };
        interrupted.UnheardRanks.Add(unheard);
        link.Send(new Report { Interrupted = interrupted });
    }

    private void Beat() => link.Beat(new TaskProgress { Step = session.Step, Epoch = session.Epoch, Phase = "waiting" });

    private static void End(ICollective collective) => collective.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
