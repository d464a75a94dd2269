using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>All ranks of a world in this process, a thread each.</summary>
internal sealed class Gang : IAsyncDisposable
{
    private Gang(ICollective[] ranks) => Ranks = ranks;

    public ICollective[] Ranks { get; }

    public static Task<Gang> TcpAsync(ShardPlan plan, CollectiveOptions? options = null) => MeetAsync(
        plan.WorldSize,
        async (listener, rank, peers, key) => await TcpCollective.ConnectAsync(
            listener, rank, peers, plan, key, options ?? Patient, TestContext.Current.CancellationToken));

    /// <summary>By the fastest way there is.</summary>
    /// <param name="host">The name of the host that a rank believes to be on.</param>
    /// <param name="shares">Whether a rank shares memory.</param>
    public static Task<Gang> ConnectAsync(
        ShardPlan plan, CollectiveOptions? options = null, Func<int, string>? host = null, Func<int, bool>? shares = null) => MeetAsync(
        plan.WorldSize,
        (listener, rank, peers, key) =>
        {
            var told = options ?? Patient;
            told = told with { Host = host?.Invoke(rank), SharedMemory = told.SharedMemory && (shares?.Invoke(rank) ?? true) };
            return Collective.ConnectAsync(listener, rank, peers, plan, key, told, TestContext.Current.CancellationToken);
        });

    public static CollectiveOptions Patient => new() { Deadline = TimeSpan.FromSeconds(30) };

    private static async Task<Gang> MeetAsync(int worldSize, Func<TcpListener, int, string[], byte[], Task<ICollective>> connect)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var listeners = Enumerable.Range(0, worldSize).Select(_ => TcpCollective.Listen("127.0.0.1")).ToArray();
        var addresses = listeners.Select(AddressOf).ToArray();
        var ranks = await Task.WhenAll(listeners.Select((listener, rank) => connect(listener, rank, addresses, key)));
        Array.ForEach(listeners, listener => listener.Dispose());
        return new Gang(ranks);
    }

    public static string AddressOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).ToString();

    /// <summary>Runs the same on every rank; throws what the first of them threw.</summary>
    public void Each(Action<ICollective> action)
    {
        foreach (var failure in Failures(action))
        {
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    /// <summary>Runs the same on every rank; what each threw, or null.</summary>
    public Exception?[] Failures(Action<ICollective> action)
    {
        var failures = new Exception?[Ranks.Length];
        var threads = Ranks.Select((collective, rank) => new Thread(() =>
        {
            try
            {
                action(collective);
            }
            catch (Exception error)
            {
                failures[rank] = error;
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return failures;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rank in Ranks)
        {
            await rank.DisposeAsync();
        }
    }

    /// <summary>Of a gang made by hand.</summary>
    public static Gang Of(params ICollective[] ranks) => new(ranks);
}
