namespace Orchestrator.Control.Workers;

/// <summary>One rank, as its agent's last heartbeat tells it.</summary>
/// <param name="Phase">loading first-step training evaluating checkpointing delivering waiting</param>
/// <param name="Silent">Since the trainer's own thread was last heard of.</param>
/// <param name="Stalled">Since the step, epoch or phase last changed.</param>
public readonly record struct RankPulse(int Rank, string Phase, TimeSpan Silent, TimeSpan Stalled);

/// <summary>
/// Who hangs. Frozen is a trainer whose own thread was not heard of for a second; hung is no progress for longer than max(3 s, 10 times the median of the
/// phase). A rank that waits for a peer is never the culprit while it is heard of.
/// </summary>
public static class TaskHealth
{
    public static readonly TimeSpan FrozenAfter = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan HungAfter = TimeSpan.FromSeconds(3);

    /// <summary>While no step has been timed yet.</summary>
    public static readonly TimeSpan UntimedLimit = TimeSpan.FromSeconds(30);

    /// <summary>The first step, evaluation and checkpoints have no median worth the name: they take as long as the data is large.</summary>
    public static readonly TimeSpan GenerousLimit = TimeSpan.FromSeconds(120);

    /// <summary>A dataset may have to come over the network first.</summary>
    public static readonly TimeSpan LoadingLimit = TimeSpan.FromSeconds(600);

    /// <summary>Every rank waits for another: nobody will ever come.</summary>
    public static readonly TimeSpan DeadlockLimit = TimeSpan.FromSeconds(10);

    public static bool IsFrozen(RankPulse pulse) => pulse.Silent > FrozenAfter;

    /// <summary>Who waited for a generation waited for others' sake: only what came since its beginning counts.</summary>
    /// <param name="begun">How long ago the generation began; null where it has not.</param>
    public static RankPulse Since(RankPulse pulse, TimeSpan? begun) => pulse.Phase is "waiting" && pulse.Stalled > begun.GetValueOrDefault()
        ? pulse with { Stalled = begun.GetValueOrDefault() }
        : pulse;

    /// <param name="medianStep">Of the generation's steps so far; null where none was timed.</param>
    public static TimeSpan LimitOf(string phase, TimeSpan? medianStep) => phase switch
    {
        "training" => medianStep is { } median ? Longer(HungAfter, 10 * median) : UntimedLimit,
        "waiting" => Longer(DeadlockLimit, 10 * medianStep.GetValueOrDefault()),
        "loading" => LoadingLimit,
        // All is trained; how long the way to the coordinator takes, or is barred, is no rank's fault.
        "delivering" => TimeSpan.MaxValue,
        // What another program is doing nobody can say; the file gives it a timeout.
        "command" => TimeSpan.MaxValue,
        _ => Longer(GenerousLimit, 10 * medianStep.GetValueOrDefault()),
    };

    /// <summary>The rank that hangs, or null. At most one: the others wait for it.</summary>
    public static int? Culprit(IReadOnlyList<RankPulse> ranks, TimeSpan? medianStep)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        var limit = LimitOf("training", medianStep);
        // A frozen process says nothing of itself, whatever it did last; those that are heard of are not the ones. Where nobody is heard of, it is the longest silent: to begin again none of them would answer.
        var frozen = ranks.Where(rank => rank.Phase is "training" or "waiting" && rank.Silent > limit)
            .OrderByDescending(rank => rank.Phase is "training").ThenByDescending(rank => rank.Silent).ToArray();
        if (frozen.Length > 0)
        {
            return frozen[0].Rank;
        }

        if (ranks.FirstOrDefault(rank => rank.Phase is "command" && rank.Silent > GenerousLimit) is { Phase: not null } still)
        {
            return still.Rank;
        }

        var stalled = ranks.Where(rank => rank.Phase is not "waiting" && Longer(rank.Stalled, rank.Silent) > LimitOf(rank.Phase, medianStep))
            .OrderByDescending(rank => rank.Stalled).ToArray();
        if (stalled.Length > 0)
        {
            return stalled[0].Rank;
        }

        return null;
    }

    /// <summary>All are there and wait for each other. Nobody is to blame: they begin again.</summary>
    public static bool IsDeadlocked(IReadOnlyList<RankPulse> ranks, TimeSpan? medianStep, int members)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        return ranks.Count > 0 && ranks.Count >= members
            && ranks.All(rank => rank.Phase is "waiting" && Longer(rank.Stalled, rank.Silent) > LimitOf("waiting", medianStep));
    }

    private static TimeSpan Longer(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
