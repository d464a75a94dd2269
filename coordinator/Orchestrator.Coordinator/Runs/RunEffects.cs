using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What follows from a run's events, once they stand in the journal: words to agents, slots, spans. Each may be done again after a restart.</summary>
internal sealed class RunEffects(AgentDirectory agents, RunMeters meters, TimeProvider time)
{
    private const int KeyBytes = 32;

    private readonly ConcurrentDictionary<string, (int Generation, ByteString Key)> keys = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RunProgress> progress = new(StringComparer.Ordinal);

    /// <summary>Null unless the run has a generation.</summary>
    public RunProgress? ProgressOf(string run) => progress.GetValueOrDefault(run);

    /// <summary>Keeps track of a generation's heartbeats from here on.</summary>
    public RunProgress Follow(string run, int generation) => progress.AddOrUpdate(
        run,
        _ => new RunProgress(generation, time),
        (_, known) => known.Generation == generation ? known : new RunProgress(generation, time));

    public void Apply(RunState before, RunEvent happened, RunState after)
    {
        switch (happened)
        {
            case RunEvent.RunRequested or RunEvent.ScoreRequested or RunEvent.RunExtended or RunEvent.CutRequested:
                agents.SlotsChanged();
                break;
            case RunEvent.GenerationProposed e:
                Propose(after, after.Next?.Number == e.Generation ? after.Next : after.Current!);
                break;
            case RunEvent.GenerationBegun e:
                if (before.Next?.Number == e.Generation)
                {
                    // It goes on where the one before is, of which the journal knows the last epoch or checkpoint only.
                    var reached = ProgressOf(after.Id)?.Step ?? 0;
                    Over(before, after, "", e.At, leave: (run, member) => LetGo(run, member, e.Generation));
                    Follow(after.Id, e.Generation).Reached(Math.Max(reached, after.Step));
                }

                TraceContexts.Write("place", ContextOf(after), TraceContexts.NewSpanId(), after.Current!.ProposedAt, e.At, after, e.Generation);
                keys[after.Id] = (e.Generation, ByteString.CopyFrom(RandomNumberGenerator.GetBytes(KeyBytes)));
                foreach (var member in after.Current!.Members)
                {
                    Begin(after, member);
                }

                break;
            case RunEvent.MemberLeaving:
                agents.SlotsChanged();
                break;
            case RunEvent.SuccessorDropped:
                Leave(before, after, Stop);
                agents.SlotsChanged();
                break;
            case RunEvent.EpochFinished e:
                ProgressOf(after.Id)?.Reached(e.Step);
                break;
            case RunEvent.StopRequested:
                foreach (var member in after.Trainers)
                {
                    Stop(after, member, gracefully: true);
                }

                break;
            case RunEvent.GenerationFailed e:
                meters.Failed(e.Kind);
                Over(before, after, $"{e.Kind.Name()}: {e.Message}", e.At, (run, member) => Stop(run, member, gracefully: false, hangs: e.Kind is FailureKind.Hung && member.Trainer == run.Current?.MemberAt(e.Rank)?.Trainer));
                // It waits again, and what it waits for may be free already.
                agents.SlotsChanged();
                break;
            case RunEvent.SurvivorLost e:
                meters.Failed(e.Kind);
                Leave(before, after, Stop);
                agents.SlotsChanged();
                break;
            case RunEvent.MemberRefused e:
                Over(before, after, "refused: other bits", e.At);
                agents.SlotsChanged();
                break;
            case RunEvent.TrainingEnded e:
                // The others end by themselves.
                Over(before, after, "", e.At, LetEnd);
                break;
            case RunEvent.TestScored e:
                Over(before, after, e.Message, e.At, LetEnd);
                break;
            case RunEvent.RunEnded when before.Outcome is not null:
                // Cut after it had ended: nothing of it is left to end.
                break;
            case RunEvent.RunEnded e:
                Over(before, after, "", e.At);
                TraceContexts.Write("run", after.TraceParent, after.SpanId, after.RequestedAt, e.At, after, error: e.Outcome is RunOutcome.Failed ? e.Message : "");
                break;
            default:
                break;
        }
    }

    /// <summary>Says again what an agent should be doing that it did not name when it came (back).</summary>
    public void Assign(RunState state, Generation generation, Member member)
    {
        var task = new AssignTask
        {
            Run = state.Id,
            Generation = generation.Number,
            Rank = member.Place.Rank,
            WorldSize = generation.WorldSize,
            Slot = member.Place.Slot,
            Spec = state.Spec,
            DatasetSha256 = state.DatasetSha256,
            Checkpoint = generation.Checkpoint,
            TraceParent = TraceContexts.Within(state, generation.SpanId),
            EvaluateTest = generation.Purpose is TaskPurpose.Score,
            Joins = generation.IsCarriedOn,
            Sweep = state.Trial?.Sweep ?? "",
            Trial = state.Trial?.Number ?? 0,
            UntilEpoch = generation.UntilEpoch,
            IsCopied = state.Plan!.IsCopied,
        };
        task.Shards.AddRange(ShardsOf(generation));
        agents.Send(member.Place.Agent, new CoordinatorMessage { Assign = task });
    }

    /// <summary>The word to begin, perhaps once more. False where its key went with the process that drew it: nobody writes it down, members that have it prove it to each other.</summary>
    public bool Begin(RunState state, Member member)
    {
        var generation = state.Current!;
        if (!keys.TryGetValue(state.Id, out var drawn) || drawn.Generation != generation.Number)
        {
            return false;
        }

        var begin = new BeginGeneration
        {
            Run = state.Id,
            Generation = generation.Number,
            Key = drawn.Key,
            Task = TaskKey.Of(state, member).ToMessage(),
            Rank = member.Place.Rank,
            KnownEpochs = state.Epoch,
            KnownCheckpointStep = generation.CommittedStep,
            UntilEpoch = generation.UntilEpoch,
            AtBoundary = generation.AtBoundary,
        };
        begin.Peers.AddRange(generation.Members.Select(each => each.PeerAddress));
        begin.Shards.AddRange(ShardsOf(generation));
        agents.Send(member.Place.Agent, new CoordinatorMessage { Begin = begin });
        return true;
    }

    private static IEnumerable<ShardRange> ShardsOf(Generation generation) =>
        generation.Members.Select(each => new ShardRange { First = each.Place.FirstShard, End = each.Place.EndShard });

    private static string ContextOf(RunState state) => TraceContexts.Within(state, state.SpanId);

    private void Propose(RunState state, Generation generation)
    {
        if (generation == state.Current)
        {
            Follow(state.Id, generation.Number).Reached(generation.FromStep);
        }

        foreach (var member in generation.Members.Where(generation.IsNew))
        {
            agents.Assign(new SlotId(member.Place.Agent, member.Place.Slot), TaskKey.Of(state, member));
            Assign(state, generation, member);
        }
    }

    private void Over(RunState before, RunState after, string error, DateTimeOffset at, Action<RunState, Member>? leave = null)
    {
        Leave(before, after, leave ?? Stop);
        if (before.Current is not { } generation)
        {
            return;
        }

        progress.TryRemove(before.Id, out _);
        keys.TryRemove(before.Id, out _);
        TraceContexts.Write("generation", ContextOf(before), generation.SpanId, generation.ProposedAt, at, before, generation.Number, error);
    }

    /// <summary>Nothing more is expected of those that are not in the run any more.</summary>
    private void Leave(RunState before, RunState after, Action<RunState, Member> leave)
    {
        foreach (var member in before.Trainers.Where(member => !after.Trainers.Exists(still => still.Trainer == member.Trainer)))
        {
            leave(before, member);
            agents.Stopping(TaskKey.Of(before, member));
        }
    }

    /// <summary>Members end by themselves; who loads to become one would wait for a word that never comes.</summary>
    private void LetEnd(RunState state, Member member)
    {
        if (state.Next?.IsNew(member) == true)
        {
            Stop(state, member);
        }
    }

    /// <summary>It takes part up to the step at which the others go on without it.</summary>
    private void LetGo(RunState state, Member member, int generation)
    {
        var word = new BeginGeneration { Run = state.Id, Generation = generation, Task = TaskKey.Of(state, member).ToMessage(), AtBoundary = true, Leaves = true };
        agents.Send(member.Place.Agent, new CoordinatorMessage { Begin = word });
    }

    private void Stop(RunState state, Member member) => Stop(state, member, gracefully: false);

    private void Stop(RunState state, Member member, bool gracefully, bool hangs = false)
    {
        if (!member.IsGone)
        {
            agents.Send(member.Place.Agent, new CoordinatorMessage { Stop = new StopTask { Task = TaskKey.Of(state, member).ToMessage(), Gracefully = gracefully, Hangs = hangs } });
        }
    }
}
