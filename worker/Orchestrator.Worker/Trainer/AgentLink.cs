using System.Net.Sockets;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Orchestrator.Collectives;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>The trainer's side of its session with the agent: commands in, messages out in their order. Sending blocks while the agent takes nothing.</summary>
internal sealed class AgentLink : IDisposable
{
    private const int GreatestWaiting = 256;
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan DeliveryDeadline = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel channel;
    private readonly AsyncDuplexStreamingCall<TrainerMessage, TrainerCommand> call;
    private readonly Channel<TrainerMessage> outgoing = Channel.CreateBounded<TrainerMessage>(GreatestWaiting);
    private readonly TaskCompletionSource<TrainTask> train = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> rest = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource ended = new();
    private readonly Task sending;
    private readonly Task receiving;
    private readonly Task beating;
    private readonly Lock gate = new();
    private (int Generation, PeerHearing Peers)? hearing;
    private TaskProgress? progress;
    private long words;
    private long settled;

    private AgentLink(string socket, string secret)
    {
        channel = GrpcChannel.ForAddress("http://agent", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { ConnectCallback = (_, cancellationToken) => ConnectAsync(socket, cancellationToken) },
            DisposeHttpClient = true,
        });
        call = new TrainerService.TrainerServiceClient(channel).Session(cancellationToken: ended.Token);
        outgoing.Writer.TryWrite(new TrainerMessage { Hello = new TrainerHello { Secret = secret, Pid = Environment.ProcessId } });
        sending = Task.Run(SendAsync);
        receiving = Task.Run(ReceiveAsync);
        beating = Task.Run(BeatAsync);
    }

    public static AgentLink Dial(string socket, string secret) => new(socket, secret);

    /// <summary>Requested by the agent.</summary>
    public StopSignal Stop { get; } = new();

    /// <summary>Blocks until the agent has said what to do.</summary>
    public TrainTask Told() => train.Task.GetAwaiter().GetResult();

    /// <returns>Whether the agent has said what to do, or ended the session, within the time.</returns>
    public bool IsToldWithin(TimeSpan time) => Task.WhenAny(train.Task, Task.Delay(time)).GetAwaiter().GetResult() == train.Task;

    /// <summary>How many of the checkpoints that were sent stand in the journal, or never will.</summary>
    public long Settled => Volatile.Read(ref settled);

    /// <summary>The generations that it is told to begin.</summary>
    public GenerationOrders Orders { get; } = new();

    /// <summary>The generation that it is in, and what tells whom it does not hear there; null between two.</summary>
    public (int Generation, PeerHearing Peers)? Hearing
    {
        get
        {
            lock (gate)
            {
                return hearing;
            }
        }

        set
        {
            lock (gate)
            {
                hearing = value;
            }
        }
    }

    /// <summary>
    /// The training thread's word that it is alive. The last one goes out five times a second, new or not: a process that is frozen falls silent, a thread that hangs says the same again and again.
    /// </summary>
    public void Beat(TaskProgress latest)
    {
        latest.Words = ++words;
        Volatile.Write(ref progress, latest);
    }

    public void Send(TrainerMessage message)
    {
        while (!outgoing.Writer.TryWrite(message))
        {
            if (!outgoing.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult())
            {
                throw new IOException("The agent ended the session.");
            }
        }
    }

    public void Send(Report report) => Send(new TrainerMessage { Report = report });

    /// <summary>Offers this process for another task. Blocks until the agent has answered.</summary>
    /// <returns>The secret by which it dials anew; empty where it is not needed.</returns>
    public string Rest()
    {
        Send(new TrainerMessage { Idle = new TrainerIdle() });
        return rest.Task.GetAwaiter().GetResult();
    }

    /// <summary>Waits until everything sent is with the agent.</summary>
    public void Dispose()
    {
        outgoing.Writer.TryComplete();
        sending.Wait(DeliveryDeadline);
        ended.Cancel();
        Task.WhenAll(receiving, beating).Wait(TimeSpan.FromSeconds(1));
        call.Dispose();
        channel.Dispose();
        ended.Dispose();
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception)
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (var message in outgoing.Reader.ReadAllAsync())
            {
                await call.RequestStream.WriteAsync(message);
            }

            await call.RequestStream.CompleteAsync();
            // Our half is closed; the agent closes its own when it has read to the end.
            await receiving;
        }
        catch (Exception broken) when (broken is RpcException or IOException or InvalidOperationException)
        {
            outgoing.Writer.TryComplete(broken);
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            await foreach (var command in call.ResponseStream.ReadAllAsync())
            {
                Handle(command);
            }
        }
        catch (RpcException) when (ended.IsCancellationRequested)
        {
            // We are done.
        }
        catch (Exception broken) when (broken is RpcException or IOException)
        {
            outgoing.Writer.TryComplete(new IOException("The agent ended the session.", broken));
            train.TrySetException(broken);
        }

        train.TrySetException(new IOException("The agent ended the session."));
        rest.TrySetResult("");
        Orders.End();
    }

    private void Handle(TrainerCommand command)
    {
        switch (command.CommandCase)
        {
            case TrainerCommand.CommandOneofCase.Train:
                train.TrySetResult(command.Train);
                break;
            case TrainerCommand.CommandOneofCase.Begin:
                Orders.Add(command.Begin);
                break;
            case TrainerCommand.CommandOneofCase.Stop:
                Stop.RequestStop();
                break;
            case TrainerCommand.CommandOneofCase.Leave:
                Stop.RequestLeave();
                if (command.Leave.Alone)
                {
                    Orders.Abandon();
                }

                break;
            case TrainerCommand.CommandOneofCase.Settled:
                Interlocked.Increment(ref settled);
                break;
            case TrainerCommand.CommandOneofCase.Rest:
                rest.TrySetResult(command.Rest.Secret);
                break;
            case TrainerCommand.CommandOneofCase.None:
                break;
        }
    }

    private TaskProgress WithUnheard(TaskProgress latest)
    {
        if (Hearing is not { } present || present.Peers.Unheard() is not { Count: > 0 } ranks)
        {
            return latest;
        }

        var said = latest.Clone();
        said.Unheard = new UnheardPeers { Generation = present.Generation };
        said.Unheard.Ranks.Add(ranks);
        return said;
    }

    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(ProgressInterval);
        while (!ended.IsCancellationRequested && !outgoing.Reader.Completion.IsCompleted)
        {
            if (Volatile.Read(ref progress) is { } latest)
            {
                outgoing.Writer.TryWrite(new TrainerMessage { Progress = WithUnheard(latest) });
            }

            await timer.WaitForNextTickAsync();
        }
    }
}
