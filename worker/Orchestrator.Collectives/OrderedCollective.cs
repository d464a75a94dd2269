using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>What all transports share: arguments are checked, sums that were begun run in their order, and one operation runs at a
/// time.</summary>
public abstract unsafe class OrderedCollective : ICollective
{
    private readonly ReductionQueue begun;
    private readonly int rows;

    private protected OrderedCollective(int rank, ShardPlan plan)
    {
        Rank = rank;
        Plan = plan;
        rows = plan.OwnedNodes(rank).Count;
        begun = new ReductionQueue(Reduce);
    }

    public int Rank { get; }

    public int WorldSize => Plan.WorldSize;

    public ShardPlan Plan { get; }

    public abstract string Transport { get; }

    public abstract bool IsNetworked { get; }

    public virtual CollectiveBuffer Allocate(long bytes) => PrivateBuffer.Of(bytes);

    public virtual CollectiveBuffer AllocateTotal(long bytes) => Allocate(bytes);

    public void AllReduce<T>(ReadOnlySpan<T> partials, int stride, Span<T> total)
        where T : unmanaged, INumber<T>
    {
        PartialSums.Check(rows, partials.Length, stride, total.Length);
        var sum = ElementwiseSum.Of<T>();
        Complete();
        fixed (T* first = partials)
        fixed (T* into = total)
        {
            Reduce(new Reduction(sum, (nint)first, (long)stride * sizeof(T), (nint)into, total.Length));
        }
    }

    public void Begin<T>(BufferSlice partials, int stride, BufferSlice total, int elements)
        where T : unmanaged, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elements);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, elements);
        partials.Check<T>(rows == 0 ? 0 : ((rows - 1L) * stride) + elements);
        total.Check<T>(elements);
        begun.Add(
            new Reduction(ElementwiseSum.Of<T>(), partials.Address, (long)stride * sizeof(T), total.Address, elements),
            partials.Buffer,
            total.Buffer);
    }

    public void Complete() => begun.Complete();

    public byte[][] AllGather(ReadOnlySpan<byte> mine)
    {
        Complete();
        return Gather(mine);
    }

    public void Broadcast(int root, Span<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, WorldSize);
        Complete();
        fixed (byte* first = bytes)
        {
            Spread(root, first, bytes.Length);
        }
    }

    /// <summary>Ends the connections; what runs on another thread ends with <see cref="CollectiveFailure.Closed"/>, on the peers with
    /// <see cref="CollectiveFailure.PeerLost"/>.</summary>
    public ValueTask DisposeAsync()
    {
        Close();
        begun.Dispose();
        return ValueTask.CompletedTask;
    }

    private protected abstract void Reduce(in Reduction reduction);

    private protected abstract byte[][] Gather(ReadOnlySpan<byte> mine);

    private protected abstract void Spread(int root, byte* bytes, long length);

    /// <summary>Fails what is running and all that follows. Called again, it does nothing.</summary>
    private protected abstract void Close();
}
