using System.Security.Cryptography;
using Google.Protobuf;
using Orchestrator.Collectives;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>A trainer as its own peer, over the sockets and the memory through which it will meet others: what they would wait for at a first meeting is done before.</summary>
internal sealed class OwnPeer : IDisposable
{
    private const int LongSum = 1 << 16;
    private const int ShortSum = 8;

    private OwnPeer(ICollective one, ICollective other) => (One, Other) = (one, other);

    public ICollective One { get; }

    public ICollective Other { get; }

    /// <exception cref="IOException">There is no port, or no memory to share.</exception>
    /// <exception cref="CollectiveException">The two did not meet.</exception>
    public static OwnPeer Meet()
    {
        using var one = Peers.Listen("127.0.0.1", ports: null);
        using var other = Peers.Listen("127.0.0.1", ports: null);
        var plan = ShardPlan.Even(2, 2);
        var first = new BeginGeneration { Generation = 1, Rank = 0, Key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)), Peers = { one.Address, other.Address } };
        var second = first.Clone();
        second.Rank = 1;
        var (here, there) = Both(() => MeetAs(one, first), () => MeetAs(other, second));
        var met = new OwnPeer(here, there);
        Both(() => Exchange(met.One), () => Exchange(met.Other));
        return met;

        ICollective MeetAs(Peers peers, BeginGeneration order) => peers.Meet(order, plan, GenerationLoop.MeetPatience, new PeerHearing(), CancellationToken.None);
    }

    public void Dispose() => Both(() => End(One), () => End(Other));

    private static bool Exchange(ICollective end)
    {
        end.AllGather([1]);
        end.AllReduce<double>(new double[ShortSum], ShortSum, new double[ShortSum]);
        end.AllReduce<float>(new float[LongSum], LongSum, new float[LongSum]);
        return true;
    }

    private static bool End(ICollective end)
    {
        end.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return true;
    }

    private static (T One, T Other) Both<T>(Func<T> one, Func<T> other)
    {
        var beside = Task.Factory.StartNew(other, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return (one(), beside.GetAwaiter().GetResult());
    }
}
