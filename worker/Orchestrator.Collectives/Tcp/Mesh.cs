using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// The connections to all peers, and the loop that moves an operation's bytes over all of them at once on the caller's own thread: what
/// can be sent or received is, and where nothing can, it waits for any.
/// So two ranks that send to each other more than the sockets hold never wait for each other, and a death is seen whichever peer is being
/// waited for.
/// </summary>
internal sealed class Mesh : IDisposable
{
    private readonly PeerLink[] links;
    private readonly PollDescriptor[] descriptors;
    private readonly TimeSpan deadline;
    private readonly Lock running = new();
    private Patience patience;
    private CollectiveException? failure;
    private volatile bool closing;

    public Mesh(PeerLink[] links, TimeSpan deadline)
    {
        this.links = links;
        this.deadline = deadline;
        descriptors = new PollDescriptor[links.Length];
    }

    public (long Bytes, long Messages) Sent => (links.Sum(link => link.TotalSent), links.Sum(link => link.MessagesSent));

    /// <summary>Runs an operation to its end.</summary>
    public void Run(Operation operation) => Run(operation, links);

    /// <summary>Runs an operation among some of the peers.</summary>
    public void Run(Operation operation, PeerLink[] among)
    {
        lock (running)
        {
            if (failure is { } before)
            {
                throw new CollectiveException(before.Failure, before.Peer, before.Message, before);
            }

            try
            {
                Move(operation, among);
            }
            catch (Exception error)
            {
                // Whatever it was, the streams are somewhere in the middle: nothing can follow.
                End(closing
                    ? Closed(error)
                    : error as CollectiveException ?? new CollectiveException(CollectiveFailure.Protocol, -1, error.Message, error));
                if (ReferenceEquals(failure, error))
                {
                    throw;
                }

                throw failure;
            }
        }
    }

    /// <summary>Tells all peers that this rank gives up; nothing runs any more.</summary>
    public void Fail(CollectiveException cause)
    {
        lock (running)
        {
            if (failure is null)
            {
                End(cause);
            }
        }
    }

    /// <summary>Ends what is running, on this rank and its peers; the handles stay until nobody polls them.</summary>
    public void Interrupt()
    {
        closing = true;
        foreach (var link in links)
        {
            try
            {
                link.Socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The peer was first, or this is the second call.
            }
        }
    }

    public void Dispose()
    {
        Interrupt();
        lock (running)
        {
            failure ??= Closed(null);
            Array.ForEach(links, link => link.Dispose());
        }
    }

    [MemberNotNull(nameof(failure))]
    private void End(CollectiveException cause)
    {
        failure = cause;
        foreach (var link in links)
        {
            link.Abort(cause.Failure, cause.Peer);
        }
    }

    private static CollectiveException Closed(Exception? inner) => new(CollectiveFailure.Closed, -1, "The collective was disposed.", inner);

    private void Move(Operation operation, PeerLink[] links)
    {
        foreach (var link in links)
        {
            link.Begin();
        }

        var moved = Stopwatch.GetTimestamp();
        var waited = false;
        while (true)
        {
            var (progress, pending) = (false, false);
            foreach (var link in links)
            {
                progress |= link.Send(operation) | link.Receive(operation);
                pending |= !link.SendDone || !link.ReceiveDone;
            }

            if (!pending)
            {
                if (waited && operation.IsShort)
                {
                    patience.Learn(moved);
                }

                return;
            }

            if (closing)
            {
                throw Closed(null);
            }

            if (progress)
            {
                if (waited && operation.IsShort)
                {
                    patience.Learn(moved);
                }

                (moved, waited) = (Stopwatch.GetTimestamp(), false);
                continue;
            }

            waited = true;
            if (operation.IsShort && patience.Lasts(moved))
            {
                continue;
            }

            var left = deadline - Stopwatch.GetElapsedTime(moved);
            if (left <= TimeSpan.Zero)
            {
                throw Silent(links);
            }

            Wait(left, links);
        }
    }

    private void Wait(TimeSpan left, PeerLink[] links)
    {
        for (var index = 0; index < links.Length; index++)
        {
            var wanted = links[index].Wanted;
            descriptors[index] = new PollDescriptor { File = wanted == PollEvents.None ? -1 : links[index].File, Wanted = wanted };
        }

        if (!Native.Poll(descriptors.AsSpan(0, links.Length), (int)Math.Ceiling(left.TotalMilliseconds)))
        {
            return;
        }

        for (var index = 0; index < links.Length; index++)
        {
            // Bytes before the end are read first, by the next turn; with none due, the end is all that is left to see.
            var hungUp = (descriptors[index].Happened & (PollEvents.ReadHangUp | PollEvents.HangUp | PollEvents.Error)) != PollEvents.None;
            if (hungUp && (descriptors[index].Wanted & PollEvents.In) == PollEvents.None)
            {
                throw links[index].LastWords();
            }
        }
    }

    private CollectiveException Silent(PeerLink[] links)
    {
        var culprit = links.Where(link => !link.SendDone || !link.ReceiveDone).MinBy(
            link => link.ReceiveDone ? int.MaxValue : link.ReceiveStage)!;
        return new CollectiveException(
            CollectiveFailure.TimedOut, culprit.Rank, $"Rank {culprit.Rank} was silent for {deadline.TotalSeconds:0.###} s.");
    }
}
