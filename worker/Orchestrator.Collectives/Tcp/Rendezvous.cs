using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// Where a generation's ranks find each other: each dials the lower ranks and takes the higher ones in. Whoever else knocks is turned
/// away and delays nobody.
/// </summary>
internal sealed class Rendezvous
{
    /// <summary>For one connection that came in; strangers who say nothing are gone by then.</summary>
    private static readonly TimeSpan KnockDeadline = TimeSpan.FromSeconds(10);

    private readonly Handshake handshake;
    private readonly TimeSpan deadline;
    private readonly long startedAt = Stopwatch.GetTimestamp();
    private readonly ConcurrentDictionary<int, Socket> sockets = new();
    private readonly ConcurrentDictionary<int, CollectiveFailure> turnedAway = new();

    private readonly PeerHearing hearing;

    private Rendezvous(Handshake handshake, CollectiveOptions options)
    {
        this.handshake = handshake;
        deadline = options.HandshakeDeadline;
        hearing = options.Hearing;
    }

    /// <summary>The links to all other ranks.</summary>
    public static Task<PeerLink[]> MeetAsync(
        TcpListener listener,
        int rank,
        IReadOnlyList<string> peers,
        ShardPlan plan,
        ReadOnlyMemory<byte> key,
        CollectiveOptions options,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(peers);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNotEqual(peers.Count, plan.WorldSize);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, peers.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(key.Length, 16);
        options.Validate();
        return MeetAsync(listener, peers, new Handshake(rank, plan, key.ToArray()), options, cancellationToken);
    }

    private static async Task<PeerLink[]> MeetAsync(
        TcpListener listener, IReadOnlyList<string> peers, Handshake handshake, CollectiveOptions options, CancellationToken cancellationToken)
    {
        var rendezvous = new Rendezvous(handshake, options);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var tasks = Enumerable.Range(0, handshake.Rank)
            .Select(peer => OrStopAll(rendezvous.DialAsync(peer, peers[peer], stop.Token)))
            .Append(OrStopAll(rendezvous.AcceptAsync(listener, stop.Token)))
            .ToArray();
        try
        {
            await Task.WhenAll(tasks);

            // From the next rank on, each its own way, so that not all send to the same one first.
            return [.. rendezvous.sockets
                .OrderBy(pair => (pair.Key - handshake.Rank + handshake.WorldSize) % handshake.WorldSize)
                .Select(pair => new PeerLink(pair.Key, pair.Value))];
        }
        catch
        {
            foreach (var socket in rendezvous.sockets.Values)
            {
                socket.Dispose();
            }

            cancellationToken.ThrowIfCancellationRequested();

            // The first cause; the others were stopped because of it.
            foreach (var task in tasks)
            {
                if (task.Exception?.InnerException is CollectiveException cause)
                {
                    throw new CollectiveException(cause.Failure, cause.Peer, cause.Message, cause);
                }
            }

            throw;
        }

        async Task OrStopAll(Task task)
        {
            try
            {
                await task;
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    private async Task DialAsync(int peer, string address, CancellationToken cancellationToken)
    {
        try
        {
            var endPoint = await ResolveAsync(address, cancellationToken);
            await OnOwnThread(() => Dial(peer, endPoint, cancellationToken));
        }
        catch (SocketException error)
        {
            hearing.Failed(peer, error.SocketErrorCode);
            throw new CollectiveException(
                CollectiveFailure.PeerLost, peer, $"Rank {peer} at {address} can't be reached: {error.Message}", error);
        }
    }

    private void Dial(int peer, IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        var socket = HandshakeSocket.Create(endPoint.AddressFamily);
        try
        {
            hearing.Listen(peer, socket);
            var wire = new HandshakeSocket(socket, peer, startedAt, deadline, cancellationToken);
            wire.Connect(endPoint);
            var mine = handshake.Hello();
            wire.Send(mine);
            var theirs = wire.Receive(Handshake.HelloLength);
            if (Handshake.ClaimedRank(theirs) != peer)
            {
                throw new CollectiveException(
                    CollectiveFailure.Protocol, peer, $"What answers at rank {peer}'s address is not rank {peer}.");
            }

            if (!handshake.IsProof(wire.Receive(Handshake.ProofLength), dialer: false, mine, theirs))
            {
                throw new CollectiveException(CollectiveFailure.Refused, peer, $"Rank {peer} does not have this generation's key.");
            }

            if (!handshake.SamePlan(theirs))
            {
                throw new CollectiveException(CollectiveFailure.Protocol, peer, $"Rank {peer} has another shard plan.");
            }

            wire.Send(handshake.Proof(dialer: true, mine, theirs));

            // Only now both sides know.
            wire.Receive(1);
            sockets[peer] = socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(TcpListener listener, CancellationToken cancellationToken)
    {
        if (handshake.Rank == handshake.WorldSize - 1)
        {
            return;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(deadline);
        using var room = new SemaphoreSlim(16 + (4 * handshake.WorldSize));
        var knocks = new List<Task>();
        try
        {
            while (FirstMissing() is not null)
            {
                await room.WaitAsync(end.Token);
                knocks.RemoveAll(knock => knock.IsCompleted);
                knocks.Add(KnockAsync(await listener.AcceptSocketAsync(end.Token)));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            if (FirstMissing() is { } missing)
            {
                throw turnedAway.TryGetValue(missing, out var failure)
                    ? new CollectiveException(failure, missing, $"Rank {missing} could not prove this generation's key or plan.")
                    : new CollectiveException(
                        CollectiveFailure.TimedOut, missing, $"Rank {missing} did not come within {deadline.TotalSeconds:0.###} s.");
            }
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(knocks);
        }

        async Task KnockAsync(Socket socket)
        {
            await OnOwnThread(() => Answer(socket, end.Token));
            if (FirstMissing() is null)
            {
                await end.CancelAsync();
            }

            room.Release();
        }
    }

    private void Answer(Socket socket, CancellationToken cancellationToken)
    {
        var claimed = -1;
        var kept = false;
        try
        {
            HandshakeSocket.Prepare(socket);
            var wire = new HandshakeSocket(
                socket, claimed, Stopwatch.GetTimestamp(), KnockDeadline < deadline ? KnockDeadline : deadline, cancellationToken);
            var theirs = wire.Receive(Handshake.HelloLength);
            if (Handshake.ClaimedRank(theirs) is not { } rank || rank <= handshake.Rank || rank >= handshake.WorldSize)
            {
                return;
            }

            claimed = rank;
            turnedAway[rank] = handshake.SamePlan(theirs) ? CollectiveFailure.Refused : CollectiveFailure.Protocol;
            var mine = handshake.Hello();
            wire.Send([.. mine, .. handshake.Proof(dialer: false, theirs, mine)]);
            if (!handshake.IsProof(wire.Receive(Handshake.ProofLength), dialer: true, theirs, mine) || !handshake.SamePlan(theirs))
            {
                return;
            }

            wire.Send([1]);
            kept = sockets.TryAdd(rank, socket);
            if (kept)
            {
                hearing.Listen(rank, socket);
            }
        }
        catch (Exception error) when (error is SocketException or CollectiveException or OperationCanceledException)
        {
            // A stranger, or a rank that died on the way in: it is missing, and that is found out when the time is over.
        }
        finally
        {
            if (!kept)
            {
                socket.Dispose();
            }
        }
    }

    private int? FirstMissing()
    {
        for (var peer = handshake.Rank + 1; peer < handshake.WorldSize; peer++)
        {
            if (!sockets.ContainsKey(peer))
            {
                return peer;
            }
        }

        return null;
    }

    private static async Task<IPEndPoint> ResolveAsync(string address, CancellationToken cancellationToken)
    {
        if (IPEndPoint.TryParse(address, out var known) && known.Port != 0)
        {
            return known;
        }

        var colon = address.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(address.AsSpan(colon + 1), out var port))
        {
            throw new ArgumentException($"'{address}' is not host:port.", nameof(address));
        }

        var candidates = await Dns.GetHostAddressesAsync(address[..colon], cancellationToken);
        return candidates.Length > 0
            ? new IPEndPoint(candidates.OrderBy(candidate => candidate.AddressFamily).First(), port)
            : throw new SocketException((int)SocketError.HostNotFound);
    }

    /// <summary>The handshake blocks; the pool's threads are too few for a whole gang in one process.</summary>
    private static Task OnOwnThread(Action action) =>
        Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
