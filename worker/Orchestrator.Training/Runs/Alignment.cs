namespace Orchestrator.Training;

/// <summary>How far a member is when its generation has met.</summary>
/// <param name="HasState">False for a newcomer, whose model is fresh.</param>
/// <param name="Step">Applied.</param>
/// <param name="Epoch">Whole ones done: of two that have applied the same step one may have finished the epoch.</param>
internal readonly record struct MemberState(bool HasState, long Step, int Epoch);

/// <summary>Who sends its state to whom, before a generation's first step. Every rank comes to the same answer.</summary>
/// <param name="Source">The lowest rank of those that are furthest ahead; -1 where nobody has the state.</param>
/// <param name="Receivers">Who takes it, in rank order; none where all are level.</param>
internal sealed record Alignment(int Source, IReadOnlyList<int> Receivers)
{
    /// <param name="members">In rank order.</param>
    /// <exception cref="InvalidOperationException">Two are more than a step apart: a step was applied that not all had a part in.</exception>
    public static Alignment Of(IReadOnlyList<MemberState> members)
    {
        var source = -1;
        for (var rank = 0; rank < members.Count; rank++)
        {
            if (members[rank].HasState && (source < 0 || IsAhead(members[rank], members[source])))
            {
                source = rank;
            }
        }

        if (source < 0)
        {
            return new Alignment(-1, []);
        }

        var ahead = members[source];
        var receivers = new List<int>();
        for (var rank = 0; rank < members.Count; rank++)
        {
            if (members[rank].HasState && ahead.Step - members[rank].Step > 1)
            {
                throw new InvalidOperationException($"Rank {source} has applied step {ahead.Step}, rank {rank} only {members[rank].Step}: the gang had parted.");
            }

            if (!members[rank].HasState || IsAhead(ahead, members[rank]))
            {
                receivers.Add(rank);
            }
        }

        return new Alignment(source, receivers);
    }

    private static bool IsAhead(MemberState left, MemberState right) => (left.Step, left.Epoch).CompareTo((right.Step, right.Epoch)) > 0;
}
