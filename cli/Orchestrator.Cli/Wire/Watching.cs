using System.Runtime.CompilerServices;
using Grpc.Core;

namespace Orchestrator.Cli.Wire;

/// <summary>
/// A watch that outlives its coordinator: when the stream breaks after its first message, it is opened again until the coordinator is back.
/// </summary>
public static class Watching
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Messages until the server ends the stream well.</summary>
    /// <param name="open">Opens the stream; called again after a break.</param>
    /// <exception cref="RpcException">The first attempt failed, the coordinator did not come back in a minute, or it refused.</exception>
    public static async IAsyncEnumerable<T> ReadAsync<T>(
        Connection connection, Func<AsyncServerStreamingCall<T>> open, [EnumeratorCancellation] CancellationToken cancellation)
    {
        DateTime? brokenAt = null;
        var heard = false;
        while (true)
        {
            using var call = open();
            var ended = false;
            while (!ended)
            {
                T? message = default;
                try
                {
                    ended = !await call.ResponseStream.MoveNext(cancellation);
                    message = ended ? default : call.ResponseStream.Current;
                }
                catch (RpcException exception) when (exception.IsUnreachable() || (heard && exception.IsHungUp()))
                {
                    brokenAt ??= DateTime.UtcNow;
                    if (!heard || DateTime.UtcNow - brokenAt > Patience)
                    {
                        throw CallHeaders.NoCoordinator(connection.Address);
                    }

                    break;
                }

                if (ended)
                {
                    yield break;
                }

                heard = true;
                brokenAt = null;
                yield return message!;
            }

            await Task.Delay(Pause, cancellation);
        }
    }
}
