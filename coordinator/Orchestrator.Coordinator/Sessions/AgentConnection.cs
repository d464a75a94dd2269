using System.Threading.Channels;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>One session of an agent: what waits to be said to it, and its end.</summary>
internal sealed class AgentConnection : IDisposable
{
    // An agent that lets so much lie is not heard of again soon: its session ends, and the next one begins with what is still to do.
    private const int MostWaiting = 4096;

    private readonly Channel<CoordinatorMessage> outbound =
        Channel.CreateBounded<CoordinatorMessage>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    private readonly CancellationTokenSource closed = new();
    private readonly TaskCompletionSource ended = new();
    private readonly Lock gate = new();
    private ulong sent;

    /// <summary>Ends with the session.</summary>
    public CancellationToken Closed => closed.Token;

    public ChannelReader<CoordinatorMessage> Outbound => outbound.Reader;

    /// <summary>Completes when all that the agent said in it has had its effect, or never will.</summary>
    public Task Ended => ended.Task;

    /// <summary>How many messages have been said to the agent so far.</summary>
    public ulong Sent
    {
        get
        {
            lock (gate)
            {
                return sent;
            }
        }
    }

    /// <summary>False where the session is over, or the agent does not take what is said to it.</summary>
    public bool Send(CoordinatorMessage message)
    {
        lock (gate)
        {
            if (outbound.Writer.TryWrite(message))
            {
                sent++;
                return true;
            }
        }

        Close();
        return false;
    }

    public void Close()
    {
        outbound.Writer.TryComplete();
        try
        {
            closed.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The session has ended by itself meanwhile.
        }
    }

    /// <summary>Nothing that was said in it is still to take effect.</summary>
    public void End() => ended.TrySetResult();

    public void Dispose() => closed.Dispose();
}
