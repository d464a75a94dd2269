using System.Globalization;
using System.Net;
using Orchestrator.Collectives;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>How ranks of a benchmark meet: each says its address, and is told all of them.</summary>
internal static class Rendezvous
{
    // The order comes from our parent and the addresses are those of loopback: the key proves nothing here, but it is a part of the handshake.
    private static readonly byte[] Key = new byte[32];

    public static ICollective Meet(int rank, ShardPlan plan, PartTransport transport = PartTransport.Fastest)
    {
        using var listener = TcpCollective.Listen("127.0.0.1");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
        var peers = Console.ReadLine()!.Split(',');
        var options = new CollectiveOptions
        {
            SharedMemory = transport != PartTransport.Tcp,
            Host = transport == PartTransport.Mixed ? string.Create(CultureInfo.InvariantCulture, $"half {2 * rank / plan.WorldSize}") : null,
        };
        return Collective.ConnectAsync(listener, rank, peers, plan, Key, options, CancellationToken.None).GetAwaiter().GetResult();
    }
}
