using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>
/// Sums over the shards of a step, in the one order of <see cref="ReductionTree"/>: the same bits whatever the number of ranks. Every
/// rank calls the same
/// operations in the same order. One caller at a time. A peer's death or silence ends every pending and later call with a
/// <see cref="CollectiveException"/> within the deadline.
/// </summary>
public interface ICollective : IAsyncDisposable
{
    int Rank { get; }

    int WorldSize { get; }

    /// <summary>The shards, and which rank owns which.</summary>
    ShardPlan Plan { get; }

    /// <summary>How the bytes travel, for people: <c>shared memory</c>, <c>tcp</c>; and why it is not the faster one.</summary>
    string Transport { get; }

    /// <summary>Whether a sum needs bytes from a network: then it mostly waits, and what it is begun beside costs nothing. The same on
    /// every rank.</summary>
    bool IsNetworked { get; }

    /// <summary>
    /// Zeroed memory that peers reach without a copy where the transport can: rows and totals that lie in such buffers are read and
    /// written where they are. Any other memory gives the same bits, a copy later. Ranks need not agree on it.
    /// </summary>
    /// <param name="bytes">At least 1.</param>
    CollectiveBuffer Allocate(long bytes);

    /// <summary>
    /// Zeroed memory for a total. Where the transport can, every part of it is the memory of the rank that adds it, which the others read
    /// there. It is for sums alone to write, and holds one until the next one into it is begun. Every rank calls this at the same place
    /// among its operations and gives all of them such a total, or none.
    /// </summary>
    /// <param name="bytes">At least 1; the same on every rank.</param>
    /// <exception cref="CollectiveException">A peer is gone.</exception>
    CollectiveBuffer AllocateTotal(long bytes);

    /// <summary>
    /// Adds the partial sums of all ranks along the canonical tree into <paramref name="total"/>, on every rank.
    /// </summary>
    /// <param name="partials">
    /// [nodes, elements]: one row for each of <c>Plan.OwnedNodes(Rank)</c>, in that order, each <c>total.Length</c> elements long,
    /// <paramref name="stride"/> elements apart. Not kept, not written.
    /// </param>
    /// <param name="stride">Elements from one row's begin to the next one's; at least <c>total.Length</c>.</param>
    /// <param name="total">[elements]; may not overlap the partials. float, double, int or long.</param>
    void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
        where T : unmanaged, INumber<T>;

    /// <summary>
    /// Begins the same sum and returns at once: it goes on beside the caller, after those begun before, in the order in which they were
    /// begun. The partials may not be written, and the total not be read, until <see cref="Complete"/> has returned. A bucket of a
    /// larger buffer is a range of its columns.
    /// </summary>
    /// <param name="partials">Holds the rows; nothing but a place to begin at where this rank owns no node.</param>
    /// <param name="stride">Elements.</param>
    /// <exception cref="ArgumentException">Nothing was begun. A failure of the sum itself is thrown by <see cref="Complete"/>.</exception>
    void Begin<T>(BufferSlice partials, int stride, BufferSlice total, int elements)
        where T : unmanaged, INumber<T>;

    /// <summary>Waits until every sum begun so far is here. The other operations do so first, too.</summary>
    void Complete();

    /// <summary>Every rank's bytes, in rank order. Lengths may differ.</summary>
    byte[][] AllGather(ReadOnlySpan<byte> mine);

    /// <summary>The root's bytes to every rank's memory, without a copy on the way; a rank passes on what it has while the rest still
    /// comes.</summary>
    /// <param name="bytes">As long on every rank. The root's are read, the others' are written.</param>
    void Broadcast(int root, Span<byte> bytes);
}
