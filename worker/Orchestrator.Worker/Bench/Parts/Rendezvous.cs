using System.Globalization;
using System.Net;
using Orchestrator.Collectives;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>How ranks of a benchmark meet: each says its address, and is told all of them.</summary>
internal static class Rendezvous
{
    // The order comes from our parent and the addresses do not leave this machine: the key proves nothing here, but it is a part of the handshake.
    private static readonly byte[] Key = new byte[32];

    public static ICollective Meet(PartOrder order, ShardPlan plan)
    {
        using var listener = TcpCollective.Listen(order.Address);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{order.Address}:{((IPEndPoint)listener.LocalEndpoint).Port}"));
        var peers = Console.ReadLine()!.Split(',');
        var options = new CollectiveOptions
        {
            SharedMemory = order.Transport != PartTransport.Tcp,
            Host = order.Transport == PartTransport.Mixed ? string.Create(CultureInfo.InvariantCulture, $"half {2 * order.Rank / plan.WorldSize}") : null,
        };
        return Collective.ConnectAsync(listener, order.Rank, peers, plan, Key, options, CancellationToken.None).GetAwaiter().GetResult();
    }
}
