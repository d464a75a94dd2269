using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>Rank 1 of two, in a process of its own that sums until it is killed.</summary>
internal sealed class PeerProgram : IDisposable
{
    public const int Elements = 1_000_003;

    public static readonly ShardPlan Plan = ShardPlan.Even(2, 2);

    private readonly Process process;

    private PeerProgram(Process process) => this.process = process;

    public int Pid => process.Id;

    /// <summary>Starts it, and meets it as rank 0.</summary>
    public static async Task<(PeerProgram Peer, TcpCollective Mine)> MeetAsync(CollectiveOptions options)
    {
        using var mine = TcpCollective.Listen("127.0.0.1");
        var port = FreePort();
        string[] peers = [Gang.AddressOf(mine), $"127.0.0.1:{port}"];
        var key = RandomNumberGenerator.GetBytes(32);
        var peer = new PeerProgram(Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["peer", string.Join(',', peers), Convert.ToHexString(key)]))!);
        try
        {
            return (peer, await TcpCollective.ConnectAsync(mine, 0, peers, Plan, key, options, TestContext.Current.CancellationToken));
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    public static async Task<int> RunAsync(string[] peers, byte[] key)
    {
        // Nobody dials the highest rank: its own listener is a formality.
        using var listener = TcpCollective.Listen("127.0.0.1");
        await using var collective = await TcpCollective.ConnectAsync(listener, 1, peers, Plan, key, new CollectiveOptions(), CancellationToken.None);
        var (mine, total) = (new float[Elements], new float[Elements]);
        try
        {
            while (true)
            {
                collective.AllReduce<float>(mine, Elements, total);
            }
        }
        catch (CollectiveException)
        {
            return 1;
        }
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
