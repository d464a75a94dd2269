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

    public static async Task<Gang> TcpAsync(ShardPlan plan, CollectiveOptions? options = null)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var listeners = plan.Ranges.Select(_ => TcpCollective.Listen("127.0.0.1")).ToArray();
        var addresses = listeners.Select(AddressOf).ToArray();
        var ranks = await Task.WhenAll(listeners.Select((listener, rank) => TcpCollective.ConnectAsync(
            listener,
            rank,
            addresses,
            plan,
            key,
            options ?? new CollectiveOptions { Deadline = TimeSpan.FromSeconds(30) },
            TestContext.Current.CancellationToken)));
        Array.ForEach(listeners, listener => listener.Dispose());
        return new Gang([.. ranks]);
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
