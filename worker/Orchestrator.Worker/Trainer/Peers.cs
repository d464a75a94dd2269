using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Collectives;
using Orchestrator.V1;
using ShardRange = Orchestrator.Collectives.ShardRange;

namespace Orchestrator.Worker.Trainer;

/// <summary>Where this rank listens for its peers, and how it meets them.</summary>
internal sealed class Peers : IDisposable
{
    /// <summary>An operator may keep ranks of one host out of each other's memory.</summary>
    private static readonly CollectiveOptions Options = new() { SharedMemory = Environment.GetEnvironmentVariable("ORCH_SHARED_MEMORY") != "off" };

    private readonly TcpListener listener;

    private Peers(TcpListener listener, string host)
    {
        this.listener = listener;
        Address = string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':') ? $"[{host}]" : host)}:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }

    /// <summary>Listens on the advertised address where it is one of this machine's, else on all of them.</summary>
    /// <param name="ports">Where a firewall leaves only these open.</param>
    public static Peers Listen(string host, PortRange? ports)
    {
        SocketException? last = null;
        foreach (var address in Candidates(host))
        {
            foreach (var port in ports is { } range ? Enumerable.Range(range.First, range.Last - range.First + 1) : [0])
            {
                var candidate = new TcpListener(address, port);
                try
                {
                    candidate.Start(backlog: 128);
                    return new Peers(candidate, host);
                }
                catch (SocketException taken)
                {
                    last = taken;
                    candidate.Dispose();
                }
            }
        }

        throw new IOException($"no port to listen on for peers at {host}{(ports is null ? "" : $" in {ports}")}: {last?.Message}", last);
    }

    /// <summary><c>host:port</c>, as peers reach it.</summary>
    public string Address { get; }

    /// <summary>Connects to all ranks of the generation.</summary>
    /// <exception cref="CollectiveException">A peer is not there, or can't prove the key.</exception>
    /// <param name="hearing">Learns of the connections.</param>
    public ICollective Meet(BeginGeneration begin, ShardPlan plan, TimeSpan patience, PeerHearing hearing, CancellationToken cancellationToken)
    {
        var options = Options with { HandshakeDeadline = patience, Hearing = hearing };
        return plan.WorldSize == 1
            ? new LocalCollective(plan)
            : Collective.ConnectAsync(listener, begin.Rank, begin.Peers, plan, begin.Key.Memory, options, cancellationToken).GetAwaiter().GetResult();
    }

    public static ShardPlan Plan(IEnumerable<V1.ShardRange> shards) => new([.. shards.Select(shard => new ShardRange(shard.First, shard.End))]);

    public void Dispose() => listener.Dispose();

    private static IEnumerable<IPAddress> Candidates(string host)
    {
        if (IPAddress.TryParse(host, out var address))
        {
            yield return address;
        }

        // A name, or an address that a router maps to this machine.
        if (address is null || !IPAddress.IsLoopback(address))
        {
            yield return IPAddress.IPv6Any;
            yield return IPAddress.Any;
        }
    }
}
