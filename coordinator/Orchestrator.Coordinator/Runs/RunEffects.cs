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
                Follow(after.Id, e.Generation).Reached(e.FromStep);
                foreach (var member in after.Current!.Members)
                {
                    agents.Assign(new SlotId(member.Place.Agent, member.Place.Slot), KeyOf(after, member));
                    Assign(after, member);
                }

                break;
            case RunEvent.GenerationBegun e:
                TraceContexts.Write("place", ContextOf(after), TraceContexts.NewSpanId(), after.Current!.ProposedAt, e.At, after, e.Generation);
                Begin(after);
                break;
            case RunEvent.EpochFinished e:
                ProgressOf(after.Id)?.Reached(e.Step);
                break;
            case RunEvent.StopRequested:
                Stop(after.Id, after.Current, gracefully: true);
                break;
            case RunEvent.GenerationFailed e:
                meters.Failed(e.Kind);
                Over(before, $"{e.Kind.Name()}: {e.Message}", e.At);
                // It waits again, and what it waits for may be free already.
                agents.SlotsChanged();
                break;
            case RunEvent.MemberRefused e:
                Over(before, "refused: other bits", e.At);
                agents.SlotsChanged();
                break;
            case RunEvent.TrainingEnded e:
                // The others end by themselves.
                Over(before, "", e.At, stop: false);
                break;
            case RunEvent.TestScored e:
                Over(before, e.Message, e.At, stop: false);
                break;
            case RunEvent.RunEnded when before.Outcome is not null:
                // Cut after it had ended: nothing of it is left to end.
                break;
            case RunEvent.RunEnded e:
                Over(before, "", e.At);
                TraceContexts.Write("run", after.TraceParent, after.SpanId, after.RequestedAt, e.At, after, error: e.Outcome is RunOutcome.Failed ? e.Message : "");
                break;
            default:
                break;
        }
    }

    /// <summary>Says again what an agent should be doing that it did not name when it came (back).</summary>
    public void Assign(RunState state, Member member)
    {
        var generation = state.Current!;
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
            Sweep = state.Trial?.Sweep ?? "",
            Trial = state.Trial?.Number ?? 0,
            UntilEpoch = state.UntilEpoch,
        };
        task.Shards.AddRange(generation.Members.Select(each => new ShardRange { First = each.Place.FirstShard, End = each.Place.EndShard }));
        agents.Send(member.Place.Agent, new CoordinatorMessage { Assign = task });
    }

    private static TaskKey KeyOf(RunState state, Member member) => new(state.Id, state.Current!.Number, member.Place.Rank);

    private static string ContextOf(RunState state) => TraceContexts.Within(state, state.SpanId);

    /// <summary>With a key of its own, that nobody writes down: members that have it prove it to each other.</summary>
    private void Begin(RunState state)
    {
        var generation = state.Current!;
        var begin = new BeginGeneration
        {
            Run = state.Id,
            Generation = generation.Number,
            Key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(KeyBytes)),
        };
        begin.Peers.AddRange(generation.Members.Select(member => member.PeerAddress));
        foreach (var member in generation.Members)
        {
            agents.Send(member.Place.Agent, new CoordinatorMessage { Begin = begin });
        }
    }

    private void Over(RunState before, string error, DateTimeOffset at, bool stop = true)
    {
        if (before.Current is not { } generation)
        {
            return;
        }

        progress.TryRemove(before.Id, out _);
        if (stop)
        {
            Stop(before.Id, generation, gracefully: false);
        }

        foreach (var member in generation.Members)
        {
            agents.Stopping(KeyOf(before, member));
        }

        TraceContexts.Write("generation", ContextOf(before), generation.SpanId, generation.ProposedAt, at, before, generation.Number, error);
    }

    private void Stop(string run, Generation? generation, bool gracefully)
    {
        foreach (var member in generation?.Members.Where(member => !member.IsGone) ?? [])
        {
            var task = new TaskKey(run, generation!.Number, member.Place.Rank);
            agents.Send(member.Place.Agent, new CoordinatorMessage { Stop = new StopTask { Task = task.ToMessage(), Gracefully = gracefully } });
        }
    }
}
