using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Orchestrator.Collectives.SharedMemory;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>Where a sum's rows and total lie.</summary>
internal enum SumMemory
{
    Plain,
    Allocated,

    /// <summary>The total where each rank adds its part of it.</summary>
    SharedTotal,
}

/// <summary>Rank 1 of two, in a process of its own that sums until it is killed.</summary>
internal sealed partial class PeerProgram : IDisposable
{
    public const int Elements = 1_000_003;

    public static readonly ShardPlan Plan = ShardPlan.Even(2, 2);

    private const int KillSignal = 9;

    private readonly Process process;

    private PeerProgram(Process process) => this.process = process;

    public int Pid => process.Id;

    /// <summary>Starts it, and meets it as rank 0.</summary>
    /// <param name="end">Where it kills itself, in the fifth sum; null: nowhere.</param>
    public static async Task<(PeerProgram Peer, ICollective Mine)> MeetAsync(CollectiveOptions options, (HostStage Stage, SumMemory Memory)? end = null)
    {
        using var mine = TcpCollective.Listen("127.0.0.1");
        var port = FreePort();
        string[] peers = [Gang.AddressOf(mine), $"127.0.0.1:{port}"];
        var key = RandomNumberGenerator.GetBytes(32);
        string[] arguments =
        [
            "peer", string.Join(',', peers), Convert.ToHexString(key), options.SharedMemory.ToString(), $"{end?.Stage}", $"{end?.Memory ?? SumMemory.Plain}",
        ];
        var peer = new PeerProgram(Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments))!);
        try
        {
            return (peer, await Collective.ConnectAsync(mine, 0, peers, Plan, key, options, TestContext.Current.CancellationToken));
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = new CollectiveOptions { SharedMemory = bool.Parse(arguments[2]), CachedBytes = 0 };

        // Nobody dials the highest rank: its own listener is a formality.
        using var listener = TcpCollective.Listen("127.0.0.1");
        await using var collective = await Collective.ConnectAsync(
            listener, 1, arguments[0].Split(','), Plan, Convert.FromHexString(arguments[1]), options, CancellationToken.None);
        var sums = 0;
        if (Enum.TryParse<HostStage>(arguments[3], out var stage))
        {
            ((HostCollective)collective).AtStage = now =>
            {
                if (sums == 4 && now == stage)
                {
                    _ = Send(Environment.ProcessId, KillSignal);
                }
            };
        }

        try
        {
            using var total = Total(collective, Enum.Parse<SumMemory>(arguments[4]));
            for (; ; sums++)
            {
                Sum(collective, total);
            }
        }
        catch (CollectiveException)
        {
            return 1;
        }
    }

    /// <summary>For sums to follow.</summary>
    public static CollectiveBuffer? Total(ICollective collective, SumMemory memory) => memory switch
    {
        SumMemory.Allocated => collective.Allocate(sizeof(float) * Elements),
        SumMemory.SharedTotal => collective.AllocateTotal(sizeof(float) * Elements),
        _ => null,
    };

    /// <summary>One sum, of which every element must be 1 + 2 = 3.</summary>
    /// <param name="buffer">For the total; null: rows and total are not in the collective's memory.</param>
    public static void Sum(ICollective collective, CollectiveBuffer? buffer)
    {
        using var rows = buffer is null ? null : collective.Allocate(sizeof(float) * Elements);
        var mine = rows is null ? new float[Elements] : rows.Span<float>(0, Elements);
        var total = buffer is null ? new float[Elements] : buffer.Span<float>(0, Elements);
        mine.Fill(collective.Rank + 1);
        collective.AllReduce<float>(mine, Elements, total);
        if (total.ContainsAnyExcept(3f))
        {
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"torn at {total.IndexOfAnyExcept(3f)}"));
        }
    }

    public static int Signal(int pid, int signal) => Send(pid, signal);

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

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int pid, int signal);
}
