using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>
/// An agent as the protocol wants it, over real gRPC: reports carry numbers and are kept until they are acknowledged, tasks outlive sessions and are announced again. Its
/// trainers do what the test says, which may be to die.
/// </summary>
internal sealed class FakeAgent(string id, int slots = 1) : IAsyncDisposable
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly List<Report> spool = [];
    private readonly ConcurrentDictionary<TaskKey, FakeTask> tasks = new();
    private Channel<AgentMessage> outbound = Channel.CreateUnbounded<AgentMessage>();
    private CancellationTokenSource? session;
    private Task running = Task.CompletedTask;
    private ulong last;
    private bool open;

    public string Id => id;

    public string Device { get; init; } = "cpu";

    public int Pid { get; set; } = 1000;

    /// <summary>Tasks that were assigned, in order; also those that ended.</summary>
    public ConcurrentQueue<FakeTask> Assigned { get; } = [];

    /// <summary>What the trainer does, from its assignment on; nothing where the test speaks for it.</summary>
    public Func<FakeTask, Task>? Trainer { get; set; }

    public IReadOnlyList<TaskId> Fenced { get; private set; } = [];

    /// <summary>The status that the last session was refused or ended with; null while all is well.</summary>
    public StatusCode? Refused { get; private set; }

    public bool Drained { get; private set; }

    public ICollection<FakeTask> Tasks => tasks.Values;

    /// <summary>Reports that wait for their acknowledgement.</summary>
    public int Unacknowledged
    {
        get
        {
            lock (gate)
            {
                return spool.Count;
            }
        }
    }

    /// <summary>Opens a session; returns once the coordinator has answered it.</summary>
    public async Task<FakeAgent> ConnectAsync(CallInvoker calls)
    {
        do
        {
            await DisconnectAsync();
            session = new CancellationTokenSource();
            outbound = Channel.CreateUnbounded<AgentMessage>(new UnboundedChannelOptions { SingleReader = true });
            var registered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            running = RunAsync(calls, registered, session.Token);
            await registered.Task.WaitAsync(TimeSpan.FromMinutes(1));
        }
        // An answer that ends the stream while its request is still being written may get lost in the reset: agents try again.
        while (Refused is StatusCode.Cancelled);

        return this;
    }

    /// <summary>The network is cut: no goodbye, and what runs goes on.</summary>
    public async Task DisconnectAsync()
    {
        lock (gate)
        {
            open = false;
        }

        if (session is { } ending)
        {
            session = null;
            await ending.CancelAsync();
            await running;
            ending.Dispose();
        }
    }

    /// <summary>The machine is gone, with all that ran on it and all that was not acknowledged.</summary>
    public async Task DieAsync()
    {
        await DisconnectAsync();
        tasks.Clear();
        lock (gate)
        {
            spool.Clear();
        }
    }

    public void Ready(FakeTask task, string probe = "probe")
    {
        task.State = "ready";
        Say(task, new Report { Ready = new TaskReady { PeerAddress = $"{id}:{task.Key.Rank}", Pid = 1, ProbeHash = probe, Hardware = "cpu" } });
    }

    public void Epoch(FakeTask task, int epoch, double accuracy = 0.5)
    {
        var report = new EpochFinished { Epoch = epoch, Step = epoch * 10, Samples = 640 };
        report.Metrics["val_accuracy"] = accuracy;
        Say(task, new Report { Epoch = report });
    }

    public void Checkpoint(FakeTask task, int epoch, double accuracy = 0.5)
    {
        var written = new CheckpointWritten { Checkpoint = $"{task.Key.Run}-{epoch * 10}", Step = epoch * 10, Epoch = epoch, Bytes = 1, ModelSha256 = "sha", Uri = "file:///x" };
        written.Metrics["val_accuracy"] = accuracy;
        Say(task, new Report { Checkpoint = written });
    }

    public void End(FakeTask task, int epochs, bool stopped = false) =>
        EndWith(task, new Report { Ended = new TaskEnded { Step = epochs * 10, Epoch = epochs, WeightsHash = "weights", SamplesPerEpoch = 640, Stopped = stopped } });

    /// <summary>It lost a peer, and waits for the next word to begin.</summary>
    public void Interrupt(FakeTask task, int suspect, long step) => Say(
        task, new Report { Interrupted = new TaskInterrupted { Generation = task.Generation, AppliedStep = step, SuspectRank = suspect, Message = $"rank {suspect} is gone" } });

    public void Fail(FakeTask task, string kind, string message = "why", string detail = "", int suspect = -1) =>
        EndWith(task, new Report { Failed = new TaskFailed { Kind = kind, Message = message, Detail = detail, SuspectRank = suspect } });

    public void Say(FakeTask task, Report report)
    {
        lock (gate)
        {
            report.Sequence = ++last;
            (report.Run, report.Generation, report.Rank) = (task.Key.Run, task.Key.Generation, task.Key.Rank);
            spool.Add(report);
            if (open)
            {
                outbound.Writer.TryWrite(new AgentMessage { Report = report });
            }
        }
    }

    /// <summary>Says the last reports once more, as one does whose acknowledgements were lost.</summary>
    public void Repeat(int count)
    {
        lock (gate)
        {
            foreach (var report in spool.TakeLast(count))
            {
                outbound.Writer.TryWrite(new AgentMessage { Report = report });
            }
        }
    }

    public void Drain() => outbound.Writer.TryWrite(new AgentMessage { Draining = new AgentDraining() });

    /// <summary>The trainer is gone without a word.</summary>
    public void Forget(FakeTask task) => tasks.TryRemove(task.Key, out _);

    public async ValueTask DisposeAsync() => await DisconnectAsync();

    private void EndWith(FakeTask task, Report report)
    {
        Say(task, report);
        Forget(task);
    }

    private async Task RunAsync(CallInvoker calls, TaskCompletionSource registered, CancellationToken cancellation)
    {
        try
        {
            using var call = new AgentService.AgentServiceClient(calls).Session(cancellationToken: cancellation);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var register = new Register { AgentId = id, Host = "host", Pid = Pid, Version = "1", Advertise = "127.0.0.1" };
            register.Devices.AddRange(Enumerable.Repeat(Device, slots));
            register.Tasks.AddRange(tasks.Values.Select(task => new RunningTask
            {
                Run = task.Key.Run,
                Generation = task.Key.Generation,
                Rank = task.Key.Rank,
                Pid = 1,
                State = task.State,
                PeerAddress = $"{id}:{task.Key.Rank}",
                BegunGeneration = task.Generation,
            }));
            await call.RequestStream.WriteAsync(new AgentMessage { Register = register }, cancellation);
            Refused = null;
            var writing = WriteAsync(call.RequestStream, over.Token);
            try
            {
                await ReadAsync(call.ResponseStream, registered, cancellation);
            }
            finally
            {
                await over.CancelAsync();
                await writing;
            }
        }
        catch (RpcException error)
        {
            Refused = cancellation.IsCancellationRequested ? null : error.StatusCode;
        }
        catch (OperationCanceledException)
        {
            // The test ended the session.
        }
        finally
        {
            registered.TrySetResult();
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<CoordinatorMessage> messages, TaskCompletionSource registered, CancellationToken cancellation)
    {
        while (await messages.MoveNext(cancellation))
        {
            switch (messages.Current)
            {
                case { Registered: { } answer }:
                    Fenced = [.. answer.Fenced];
                    foreach (var fenced in answer.Fenced)
                    {
                        tasks.TryRemove(new TaskKey(fenced.Run, fenced.Generation, fenced.Rank), out _);
                    }

                    SendAgain(answer.Acknowledged);
                    registered.TrySetResult();
                    break;
                case { Assign: { } assign }:
                    Take(new FakeTask(assign));
                    break;
                case { Begin: { } begin }:
                    if (tasks.TryGetValue(new TaskKey(begin.Task.Run, begin.Task.Generation, begin.Task.Rank), out var beginning))
                    {
                        beginning.Begin(begin);
                    }

                    break;
                case { Stop: { } stop }:
                    if (tasks.TryGetValue(new TaskKey(stop.Task.Run, stop.Task.Generation, stop.Task.Rank), out var told))
                    {
                        told.Stop(stop.Gracefully);
                        if (!stop.Gracefully)
                        {
                            Forget(told);
                        }
                    }

                    break;
                case { Acknowledge: { } acknowledge }:
                    lock (gate)
                    {
                        spool.RemoveAll(report => report.Sequence <= acknowledge.Sequence);
                    }

                    break;
                case { Drain: not null }:
                    Drained = true;
                    break;
                default:
                    break;
            }
        }
    }

    private void Take(FakeTask task)
    {
        if (tasks.TryAdd(task.Key, task))
        {
            Assigned.Enqueue(task);
            _ = Trainer?.Invoke(task);
        }
    }

    private void SendAgain(ulong acknowledged)
    {
        lock (gate)
        {
            open = true;
            spool.RemoveAll(report => report.Sequence <= acknowledged);
            foreach (var report in spool)
            {
                outbound.Writer.TryWrite(new AgentMessage { Report = report });
            }
        }
    }

    /// <summary>One writer: what is said, and a heartbeat in between.</summary>
    private async Task WriteAsync(IClientStreamWriter<AgentMessage> requests, CancellationToken cancellation)
    {
        var messages = outbound.Reader;
        try
        {
            var next = Task.Delay(Heartbeat, cancellation);
            while (!cancellation.IsCancellationRequested)
            {
                while (messages.TryRead(out var message))
                {
                    await requests.WriteAsync(message, cancellation);
                }

                if (await Task.WhenAny(next, messages.WaitToReadAsync(cancellation).AsTask()) == next)
                {
                    await requests.WriteAsync(new AgentMessage { Heartbeat = Beat() }, cancellation);
                    next = Task.Delay(Heartbeat, cancellation);
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or RpcException or InvalidOperationException)
        {
            // The session is over.
        }
    }

    private AgentHeartbeat Beat()
    {
        var heartbeat = new AgentHeartbeat();
        heartbeat.Tasks.AddRange(tasks.Values.Select(task => new TaskProgress
        {
            Run = task.Key.Run,
            Generation = task.Key.Generation,
            Rank = task.Key.Rank,
            Phase = task.Phase,
            Step = task.Step,
            Epoch = task.Epoch,
            Pid = 1,
            SilentMilliseconds = task.Silent,
            StalledMilliseconds = task.Silent,
        }));
        return heartbeat;
    }
}
