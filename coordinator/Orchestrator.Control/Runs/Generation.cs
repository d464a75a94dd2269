using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orchestrator.Control.Runs;

public enum TaskPurpose
{
    Train,

    /// <summary>The test split, by the best checkpoint, on one slot.</summary>
    Score,
}

public enum MemberStage
{
    /// <summary>Its trainer loads.</summary>
    Assigned,

    /// <summary>Waits for the others.</summary>
    Ready,

    Working,

    /// <summary>Came to its end well.</summary>
    Ended,

    /// <summary>Gone, and says that it was another's fault.</summary>
    Dropped,

    /// <summary>Lost a peer; it keeps the state and waits for the next generation.</summary>
    Interrupted,
}

/// <summary>A trainer's process: the generation and rank that it was started for. The name stays while it lives, whatever its place in later generations.</summary>
public readonly record struct TrainerName(int Generation, int Rank);

/// <summary>One rank's place, and the shards that it owns (<paramref name="EndShard"/> is exclusive).</summary>
public sealed record MemberPlace(int Rank, string Agent, int Slot, int FirstShard, int EndShard)
{
    [JsonIgnore]
    public int Shards => EndShard - FirstShard;

    /// <summary>Even ranges; the rule of the collectives' shard plan: first = shards * rank / world.</summary>
    public static IReadOnlyList<MemberPlace> Even(int shards, IReadOnlyList<SlotId> slots)
    {
        ArgumentNullException.ThrowIfNull(slots);
        return Of(EvenCounts(shards, slots.Count), slots);
    }

    /// <summary>Shards, in rank order.</summary>
    public static IReadOnlyList<int> EvenCounts(int shards, int world)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, world);
        return [.. Enumerable.Range(0, world).Select(rank => (int)((long)shards * (rank + 1) / world) - (int)((long)shards * rank / world))];
    }

    /// <param name="counts">Shards, in rank order.</param>
    public static IReadOnlyList<MemberPlace> Of(IReadOnlyList<int> counts, IReadOnlyList<SlotId> slots)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(slots);
        var places = new MemberPlace[slots.Count];
        for (var (rank, first) = (0, 0); rank < places.Length; first += counts[rank++])
        {
            places[rank] = new MemberPlace(rank, slots[rank].Agent, slots[rank].Index, first, first + counts[rank]);
        }

        return places;
    }
}

/// <param name="PeerAddress">host:port, once ready.</param>
/// <param name="Suspect">The rank that a dropped or interrupted member blames.</param>
public sealed record Member(MemberPlace Place, MemberStage Stage = MemberStage.Assigned, string PeerAddress = "", int Pid = 0,
    string ProbeHash = "", int Suspect = -1)
{
    public TrainerName Trainer { get; init; }

    /// <summary>It has the run's state: it began with the others, or has been heard at a step since it joined.</summary>
    public bool IsLevel { get; init; } = true;

    /// <summary>Ranks that an interrupted member did not hear itself.</summary>
    public IReadOnlyList<int> Unheard { get; init; } = [];

    /// <summary>Its agent drains: it goes as soon as the others can do without it.</summary>
    public bool IsLeaving { get; init; }

    [JsonIgnore]
    public bool IsGone => Stage is MemberStage.Ended or MemberStage.Dropped;
}

/// <summary>A membership. Its number is the fencing token: what an older one says is ignored.</summary>
/// <param name="Members">In rank order.</param>
/// <param name="Checkpoint">What it starts from; empty at step 0.</param>
/// <param name="SpanId">Of its span, known before it is written, so that trainers' spans can be its children.</param>
public sealed record Generation(int Number, TaskPurpose Purpose, ImmutableList<Member> Members, string Checkpoint, long FromStep,
    string SpanId, DateTimeOffset ProposedAt, DateTimeOffset? BegunAt = null)
{
    /// <summary>Of the last checkpoint that it wrote, or began from.</summary>
    public long CommittedStep { get; init; } = FromStep;

    /// <summary>It takes over from the one before at the end of a step, and no step is redone.</summary>
    public bool AtBoundary { get; init; }

    /// <summary>Where it pauses; 0 for nowhere.</summary>
    public int UntilEpoch { get; init; }

    /// <summary>Its state comes from members of the generation before, not from a checkpoint.</summary>
    [JsonIgnore]
    public bool IsCarriedOn => Members.Exists(member => member.Trainer.Generation < Number);

    [JsonIgnore]
    public int WorldSize => Members.Count;

    /// <summary>What interrupted members have told of whom they did not hear.</summary>
    [JsonIgnore]
    public IReadOnlyList<Silence> Silences => [.. Members.SelectMany(member => member.Unheard.Select(peer => new Silence(member.Place.Rank, peer)))];

    public Member? MemberAt(int rank) => rank >= 0 && rank < Members.Count ? Members[rank] : null;

    public Member? MemberOf(TrainerName trainer) => Members.Find(member => member.Trainer == trainer);

    /// <summary>Started for this generation: its process has to load, and to take the state where others have it.</summary>
    public bool IsNew(Member member)
    {
        ArgumentNullException.ThrowIfNull(member);
        return member.Trainer.Generation == Number;
    }

    public Generation With(int rank, Func<Member, Member> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return this with { Members = Members.SetItem(rank, change(Members[rank])) };
    }
}
