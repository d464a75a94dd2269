using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.Cli.Bench;

/// <summary>An agent whose trainers do nothing: every task is ready at once, reports one epoch and ends. What is left is the control plane.</summary>
internal sealed class NoOpAgent(int slots)
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    private readonly Channel<AgentMessage> outbound = Channel.CreateUnbounded<AgentMessage>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<TaskId, AssignTask> tasks = [];
    private readonly TaskCompletionSource registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private ulong sequence;

    /// <summary>Timestamps at which tasks ended, in order.</summary>
    public List<long> Ended { get; } = [];

    /// <summary>Ends once work may come.</summary>
    public Task Registered => registered.Task;

    /// <summary>Until cancelled.</summary>
    public async Task RunAsync(CallInvoker calls, CancellationToken cancellation)
    {
        try
        {
            using var call = new AgentService.AgentServiceClient(calls).Session(cancellationToken: cancellation);
            var register = new Register { AgentId = "no-op", Host = Environment.MachineName, Pid = Environment.ProcessId, Version = "bench", Advertise = "127.0.0.1" };
            register.Devices.AddRange(Enumerable.Repeat("cpu", slots));
            Say(new AgentMessage { Register = register });
            await Task.WhenAll(ReadAsync(call.ResponseStream, cancellation), WriteAsync(call.RequestStream, cancellation), BeatAsync(cancellation));
        }
        catch (Exception exception) when (cancellation.IsCancellationRequested && exception is OperationCanceledException or RpcException)
        {
            registered.TrySetCanceled(cancellation);
        }
        catch (Exception exception)
        {
            registered.TrySetException(exception);
            throw;
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<CoordinatorMessage> messages, CancellationToken cancellation)
    {
        while (await messages.MoveNext(cancellation))
        {
            switch (messages.Current)
            {
                case { Registered: not null }:
                    registered.TrySetResult();
                    break;
                case { Assign: { } assign }:
                    Assign(assign);
                    break;
                case { Begin: { } begin }:
                    Train(begin);
                    break;
                default:
                    break;
            }
        }
    }

    private async Task WriteAsync(IClientStreamWriter<AgentMessage> requests, CancellationToken cancellation)
    {
        await foreach (var message in outbound.Reader.ReadAllAsync(cancellation))
        {
            await requests.WriteAsync(message, cancellation);
        }
    }

    private async Task BeatAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Heartbeat);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            var heartbeat = new AgentHeartbeat();
            lock (gate)
            {
                heartbeat.Tasks.AddRange(tasks.Keys.Select(task => new TaskProgress { Run = task.Run, Generation = task.Generation, Rank = task.Rank, Phase = "loading" }));
            }

            Say(new AgentMessage { Heartbeat = heartbeat });
        }
    }

    private void Assign(AssignTask assign)
    {
        var task = new TaskId { Run = assign.Run, Generation = assign.Generation, Rank = assign.Rank };
        lock (gate)
        {
            tasks[task] = assign;
        }

        Report(task, new Report { Ready = new TaskReady { PeerAddress = "127.0.0.1:1", Pid = Environment.ProcessId, ProbeHash = "no-op", Hardware = "none" } });
    }

    private void Train(BeginGeneration begin)
    {
        TaskId[] mine;
        lock (gate)
        {
            mine = [.. tasks.Keys.Where(task => task.Run == begin.Run && task.Generation == begin.Generation)];
        }

        foreach (var task in mine)
        {
            if (task.Rank == 0)
            {
                // A value of its own for each trial, without any training: no step was done, so no checkpoint is waited for.
                var epoch = new EpochFinished { Epoch = 1, Step = 0, Samples = 1 };
                epoch.Metrics["val_accuracy"] = (uint)(task.Run.GetHashCode(StringComparison.Ordinal) & 0xFFFF) / 65536.0;
                Report(task, new Report { Epoch = epoch });
            }

            Report(task, new Report { Ended = new TaskEnded { Step = 0, Epoch = 1, SamplesPerEpoch = 1 } });
            lock (gate)
            {
                tasks.Remove(task);
                Ended.Add(Stopwatch.GetTimestamp());
            }
        }
    }

    private void Report(TaskId task, Report report)
    {
        report.Sequence = ++sequence;
        (report.Run, report.Generation, report.Rank) = (task.Run, task.Generation, task.Rank);
        Say(new AgentMessage { Report = report });
    }

    private void Say(AgentMessage message) => outbound.Writer.TryWrite(message);
}
