using Google.Protobuf;
using Orchestrator.Collectives;
using Orchestrator.V1;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// A rank's connections in one generation, with the promises of the real ones: nobody gets in without the generation's key, messages arrive in order or the connection is gone, a death is seen by whoever
/// waits, who gives up names the one because of whom, and an operation either has all that it needs or throws.
/// </summary>
internal sealed class Mesh
{
    private static readonly TimeSpan Deadline = new CollectiveOptions().Deadline;

    private readonly VirtualWorld world;
    private readonly Network network;
    private readonly SimulatedTrainer trainer;
    private readonly ByteString key;
    private readonly Peer?[] peers;
    private readonly TaskCompletionSource met = new();
    private CollectiveException? failure;
    private Operation? running;
    private int operations;

    private Mesh(VirtualWorld world, Network network, SimulatedTrainer trainer, BeginGeneration order)
    {
        (this.world, this.network, this.trainer, key) = (world, network, trainer, order.Key);
        (Generation, Rank, WorldSize) = (order.Generation, order.Rank, order.Peers.Count);
        Ranges = [.. order.Shards.Select(range => (range.First, range.End))];
        peers = new Peer?[WorldSize];
    }

    public int Generation { get; }

    public int Rank { get; }

    public int WorldSize { get; }

    public IReadOnlyList<(int First, int End)> Ranges { get; }

    /// <exception cref="CollectiveException">A peer is not there.</exception>
    /// <exception cref="OperationCanceledException">A newer generation is to begin at once.</exception>
    public static async Task<Mesh> MeetAsync(VirtualWorld world, Network network, SimulatedTrainer trainer, BeginGeneration order, CancellationToken over)
    {
        var mesh = new Mesh(world, network, trainer, order);
        if (mesh.WorldSize > 1)
        {
            over.Register(() => mesh.met.TrySetCanceled(over));
            trainer.Meeting = mesh;
            mesh.Knock(order);
            try
            {
                await mesh.met.Task;
            }
            catch
            {
                mesh.Close();
                throw;
            }
        }

        return mesh;
    }

    /// <summary>Every rank's contribution to every rank, in two rounds: nobody has it all before everybody has given.</summary>
    public Task<object[]> ReduceAsync(string what, object mine) => RunAsync(new Operation(++operations, what, 2, -1, WorldSize), mine);

    public Task<object[]> GatherAsync(string what, object mine) => RunAsync(new Operation(++operations, what, 1, -1, WorldSize), mine);

    public async Task<object> BroadcastAsync(string what, int source, object? mine) => (await RunAsync(new Operation(++operations, what, 1, source, WorldSize), mine ?? ""))[source];

    /// <summary>Ends what runs, on this rank and its peers.</summary>
    public void Close() => Fail(new CollectiveException(CollectiveFailure.Closed, -1, "The collective was disposed."));

    /// <summary>Somebody says that it is of this generation.</summary>
    public void Heard(Hello hello)
    {
        if (!hello.Key.Equals(key) || peers[hello.Rank] is not null)
        {
            return;
        }

        peers[hello.Rank] = new Peer(hello.Mesh, new Pipe(world, network, trainer.Host, hello.Mesh.trainer.Host));
        if (failure is { } before)
        {
            Abort(peers[hello.Rank]!, before);
        }

        if (peers.Count(peer => peer is not null) == WorldSize - 1)
        {
            met.TrySetResult();
        }
    }

    private void Knock(BeginGeneration order)
    {
        trainer.Process.OnDeath(() => Array.ForEach(peers, peer => peer?.Out.Send(() => peer.Mesh.Lost(Rank, "its connection ended"))));
        for (var rank = 0; rank < WorldSize; rank++)
        {
            if (rank == Rank)
            {
                continue;
            }

            var peer = rank;
            var other = trainer.FindPeer(order.Peers[peer]);
            if (other is not null)
            {
                new Pipe(world, network, trainer.Host, other.Host).Send(() => other.Knock(new Hello(key, Rank, this)));
            }

            // Who dials finds nobody there; who is dialled waits.
            if (peer < Rank && other is null)
            {
                world.After(network.Delay("", "elsewhere"), trainer.Process, () => NotThere(peer));
            }
            else if (peer < Rank)
            {
                other!.Process.OnDeath(() => new Pipe(world, network, other.Host, trainer.Host).Send(() => trainer.Process.Do(() => NotThere(peer))));
            }
        }

        foreach (var hello in trainer.Knocks)
        {
            Heard(hello);
        }

        world.After(order.AtBoundary ? GenerationLoop.BoundaryPatience : GenerationLoop.MeetPatience, trainer.Process, () =>
        {
            if (!met.Task.IsCompleted)
            {
                var missing = Array.FindIndex(peers, peer => peer is null);
                missing = missing == Rank ? Array.FindIndex(peers, Rank + 1, peer => peer is null) : missing;
                Fail(new CollectiveException(CollectiveFailure.TimedOut, missing, $"Rank {missing} did not come."));
            }
        });
    }

    private void NotThere(int rank)
    {
        if (peers[rank] is null)
        {
            Fail(new CollectiveException(CollectiveFailure.PeerLost, rank, $"Rank {rank} can't be reached."));
        }
    }

    private Task<object[]> RunAsync(Operation operation, object mine)
    {
        if (failure is { } before)
        {
            return Task.FromException<object[]>(before);
        }

        operation.Parts[Rank] = mine;
        if (WorldSize == 1)
        {
            return Task.FromResult<object[]>(operation.Parts!);
        }

        running = operation;
        if (operation.Source < 0 || operation.Source == Rank)
        {
            Tell(new Message(operation.Number, operation.What, 1, mine));
        }

        Advance();
        if (!operation.Done.Task.IsCompleted)
        {
            WatchSilence(operation);
        }

        return operation.Done.Task;
    }

    private void Tell(Message message)
    {
        foreach (var peer in peers)
        {
            if (peer is null)
            {
                continue;
            }

            if (trainer.Words is { } left)
            {
                trainer.Words = left > 0 ? left - 1 : null;
                if (left == 0)
                {
                    trainer.Silenced();
                }
            }

            if (trainer.Process.IsWell)
            {
                peer.Out.Send(() => peer.Mesh.trainer.Process.Do(() => peer.Mesh.Arrived(Rank, message)));
            }
            else
            {
                // It goes on where it was, should it ever.
                trainer.Process.Do(() => peer.Out.Send(() => peer.Mesh.trainer.Process.Do(() => peer.Mesh.Arrived(Rank, message))));
            }
        }
    }

    private void Arrived(int rank, Message message)
    {
        if (peers[rank] is { } peer)
        {
            peer.In.Enqueue(message);
            Advance();
        }
        else
        {
            // Its connection stands before ours does.
            early.Add((rank, message));
        }
    }

    private readonly List<(int Rank, Message Message)> early = [];

    private void Lost(int rank, string why) => trainer.Process.Do(() => Gone(rank, new CollectiveException(CollectiveFailure.PeerLost, rank, $"Rank {rank}: {why}.")));

    private void Gone(int rank, CollectiveException because)
    {
        if (peers[rank] is { } peer)
        {
            peer.Gone ??= because;
            Advance();
            if (!met.Task.IsCompleted)
            {
                Fail(because);
            }
        }
    }

    private void Advance()
    {
        foreach (var (rank, message) in early.Where(each => peers[each.Rank] is not null).ToArray())
        {
            early.Remove((rank, message));
            peers[rank]!.In.Enqueue(message);
        }

        if (running is not { } operation || operation.Done.Task.IsCompleted)
        {
            return;
        }

        for (var rank = 0; rank < WorldSize; rank++)
        {
            if (peers[rank] is { } peer)
            {
                while (peer.In.TryPeek(out var message) && message.Number == operation.Number)
                {
                    if (message.What != operation.What)
                    {
                        throw new Violation($"{trainer.Name} does {operation.What} while rank {rank} does {message.What}: the gang has parted");
                    }

                    peer.In.Dequeue();
                    operation.Take(rank, message, world.Now);
                }
            }
        }

        if (operation.HasAllParts && !operation.Answered)
        {
            operation.Answered = true;
            if (operation.Rounds == 2)
            {
                Tell(new Message(operation.Number, operation.What, 2, ""));
            }
        }

        if (operation.HasAllParts && (operation.Rounds == 1 || operation.HasAllAnswers(Rank)))
        {
            running = null;
            operation.Done.TrySetResult(operation.Parts!);
            return;
        }

        // What came before the end counts; who has given all it had to give may go.
        for (var rank = 0; rank < WorldSize; rank++)
        {
            if (peers[rank]?.Gone is { } because && operation.Misses(rank))
            {
                Fail(because);
                return;
            }
        }
    }

    private void WatchSilence(Operation operation)
    {
        operation.MovedAt = world.Now;
        Again(Deadline);

        void Again(TimeSpan left) => world.After(left, trainer.Process, () =>
        {
            if (operation.Done.Task.IsCompleted)
            {
                return;
            }

            var silent = new TimeSpan(world.Now - operation.MovedAt);
            if (silent < Deadline)
            {
                Again(Deadline - silent);
                return;
            }

            var culprit = Enumerable.Range(0, WorldSize).First(rank => rank != Rank && operation.Misses(rank));
            Fail(new CollectiveException(CollectiveFailure.TimedOut, culprit, $"Rank {culprit} was silent."));
        });
    }

    private void Fail(CollectiveException because)
    {
        if (failure is not null)
        {
            return;
        }

        failure = because;
        met.TrySetException(because);
        running?.Done.TrySetException(because);
        foreach (var peer in peers)
        {
            if (peer is not null)
            {
                Abort(peer, because);
            }
        }
    }

    private void Abort(Peer peer, CollectiveException because)
    {
        // Who closes in good order says nothing more than that.
        var words = because.Failure != CollectiveFailure.Closed && because.Peer >= 0
            ? new CollectiveException(because.Failure, because.Peer, $"Rank {Rank} gave up because of rank {because.Peer}.")
            : new CollectiveException(CollectiveFailure.PeerLost, Rank, $"Rank {Rank}: its connection ended.");
        peer.Out.Send(() => peer.Mesh.trainer.Process.Do(() => peer.Mesh.Gone(Rank, words)));
    }

    private sealed record Peer(Mesh Mesh, Pipe Out)
    {
        public Queue<Message> In { get; } = new();

        public CollectiveException? Gone { get; set; }
    }

    private sealed record Message(int Number, string What, int Round, object Part);

    private sealed class Operation(int number, string what, int rounds, int source, int worldSize)
    {
        private readonly bool[] answers = new bool[worldSize];

        public int Number => number;

        public string What => what;

        public int Rounds => rounds;

        /// <summary>-1: all give.</summary>
        public int Source => source;

        public object?[] Parts { get; } = new object?[worldSize];

        public bool Answered { get; set; }

        public long MovedAt { get; set; }

        public TaskCompletionSource<object[]> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool HasAllParts => source < 0 ? Array.TrueForAll(Parts, part => part is not null) : Parts[source] is not null;

        public bool HasAllAnswers(int self)
        {
            for (var rank = 0; rank < worldSize; rank++)
            {
                if (rank != self && !answers[rank])
                {
                    return false;
                }
            }

            return true;
        }

        public bool Misses(int rank) => source < 0 ? Parts[rank] is null || (rounds == 2 && !answers[rank]) : rank == source && Parts[rank] is null;

        public void Take(int rank, Message message, long now)
        {
            MovedAt = now;
            if (message.Round == 1)
            {
                Parts[rank] = message.Part;
            }
            else
            {
                answers[rank] = true;
            }
        }
    }
}

/// <summary>What a rank says when it comes, with the proof that it has the generation's key.</summary>
internal sealed record Hello(ByteString Key, int Rank, Mesh Mesh);
