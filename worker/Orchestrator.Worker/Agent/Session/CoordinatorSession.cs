using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Tasks;
using Polly;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>Keeps one session with the coordinator for as long as the agent lives; trainers do not notice when it breaks.</summary>
internal sealed partial class CoordinatorSession(
    CoordinatorChannel channel,
    AgentIdentity identity,
    TaskTable tasks,
    ReportSpool spool,
    LogBuffer logs,
    AgentLifetime lifetime,
    TimeProvider time,
    ILogger<CoordinatorSession> log)
{
    internal static readonly TimeSpan RegisterDeadline = TimeSpan.FromSeconds(10);
    internal static readonly TimeSpan SendAgainAfter = TimeSpan.FromSeconds(15);

    private readonly TaskCompletionSource draining = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource leaving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool everRegistered;
    private bool saidAway;

    /// <summary>Tells the coordinator, now or at the next connection, that no new work is taken.</summary>
    public void AnnounceDraining() => draining.TrySetResult();

    /// <summary>Closes this side of the session after everything that was sent on it, and completes when the coordinator has read to the end; at once where no coordinator ever knew of this agent.</summary>
    public Task LeaveAsync(CancellationToken cancellationToken)
    {
        draining.TrySetResult();
        leaving.TrySetResult();
        return everRegistered ? left.Task.WaitAsync(cancellationToken) : Task.CompletedTask;
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var connecting = Retries.ForEver(time, SayAway);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await using var session = await connecting.ExecuteAsync(RegisterAsync, cancellationToken);
                await ServeAsync(session, cancellationToken);
                left.TrySetResult();
                return;
            }
            catch (RpcException refusal) when (!cancellationToken.IsCancellationRequested && !Retries.IsTransient(refusal))
            {
                if (!everRegistered)
                {
                    lifetime.End(Refusal(refusal));
                    return;
                }

                // Trainers are worth more than an agent's pride: the operator may be changing the token.
                LogRefused(log, identity.Coordinator, refusal.Status.Detail);
                await Task.Delay(TimeSpan.FromSeconds(2), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception broken) when (!cancellationToken.IsCancellationRequested && (broken is OperationCanceledException || Retries.IsTransient(broken)))
            {
                SayAway(broken);
                await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception ended) when (cancellationToken.IsCancellationRequested && ended is OperationCanceledException or RpcException or IOException)
            {
                return;
            }
        }
    }

    private async ValueTask<OpenSession> RegisterAsync(CancellationToken cancellationToken)
    {
        var call = new AgentService.AgentServiceClient(channel.Invoker).Session(cancellationToken: cancellationToken);
        var session = new OpenSession(call);
        try
        {
            await session.SendAsync(new AgentMessage { Register = identity.Register(tasks.Running()) }, cancellationToken).WaitAsync(RegisterDeadline, time, cancellationToken);
            if (!await call.ResponseStream.MoveNext(cancellationToken).WaitAsync(RegisterDeadline, time, cancellationToken))
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The coordinator ended the session."));
            }

            session.Registered = call.ResponseStream.Current.Registered ?? throw new RpcException(new Status(StatusCode.FailedPrecondition, "it does not answer as a coordinator of this version does"));
            return session;
        }
        catch (Exception)
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns once this agent has left; every other end of a session is an exception.</summary>
    private async Task ServeAsync(OpenSession session, CancellationToken cancellationToken)
    {
        LogRegistered(log, identity.AgentId, identity.Coordinator);
        everRegistered = true;
        saidAway = false;
        spool.Acknowledge(session.Registered.Acknowledged);
        foreach (var fenced in session.Registered.Fenced)
        {
            tasks.Fence(TaskKey.Of(fenced));
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] loops =
        [
            ReceiveAsync(session, ending.Token),
            HeartbeatAsync(session, ending.Token),
            SendReportsAsync(session, ending.Token),
            SendLogsAsync(session, ending.Token),
            TakeLeaveAsync(session, ending.Token),
        ];
        var first = await Task.WhenAny(loops);
        await ending.CancelAsync();
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private async Task ReceiveAsync(OpenSession session, CancellationToken cancellationToken)
    {
        while (await session.Call.ResponseStream.MoveNext(cancellationToken))
        {
            Handle(session.Call.ResponseStream.Current);
            session.Heard++;
        }

        if (leaving.Task.IsCompleted)
        {
            return;
        }

        throw new RpcException(new Status(StatusCode.Unavailable, "The coordinator ended the session."));
    }

    private void Handle(CoordinatorMessage message)
    {
        switch (message.MessageCase)
        {
            case CoordinatorMessage.MessageOneofCase.Assign:
                tasks.Assign(message.Assign);
                break;
            case CoordinatorMessage.MessageOneofCase.Begin:
                tasks.Begin(message.Begin);
                break;
            case CoordinatorMessage.MessageOneofCase.Stop:
                tasks.Stop(message.Stop);
                break;
            case CoordinatorMessage.MessageOneofCase.Acknowledge:
                spool.Acknowledge(message.Acknowledge.Sequence);
                break;
            case CoordinatorMessage.MessageOneofCase.Drain:
                lifetime.End(new AgentEnd.Drain());
                break;
            case CoordinatorMessage.MessageOneofCase.Shutdown:
                lifetime.End(new AgentEnd.Shutdown());
                break;
            case CoordinatorMessage.MessageOneofCase.Registered:
            case CoordinatorMessage.MessageOneofCase.None:
                // A newer coordinator's message: versions are checked at the registration, so there is nothing in it for us.
                break;
        }
    }

    private async Task HeartbeatAsync(OpenSession session, CancellationToken cancellationToken)
    {
        var seconds = session.Registered.HeartbeatSeconds is > 0 and <= 60 and var told ? told : 1;
        while (true)
        {
            var urgent = tasks.Urgent.Next;
            // In this order: what it had heard of shows in its tasks.
            var heartbeat = new AgentHeartbeat { Heard = session.Heard };
            heartbeat.Tasks.AddRange(tasks.Progress());
            await session.SendAsync(new AgentMessage { Heartbeat = heartbeat }, cancellationToken);
            await Task.WhenAny(urgent, Task.Delay(TimeSpan.FromSeconds(seconds), time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // Everything unacknowledged from the oldest on, and again when acknowledgements stay away: the receiver knows what it has.
    private async Task SendReportsAsync(OpenSession session, CancellationToken cancellationToken)
    {
        var sent = spool.Acknowledged;
        while (true)
        {
            var appended = spool.Appended.Next;
            var more = spool.AcknowledgedMore.Next;
            if (spool.ReadAfter(sent) is { } report)
            {
                await session.SendAsync(new AgentMessage { Report = report }, cancellationToken);
                sent = report.Sequence;
                continue;
            }

            if (spool.Acknowledged >= spool.Last)
            {
                await appended.WaitAsync(cancellationToken);
                continue;
            }

            var silence = Task.Delay(SendAgainAfter, time, cancellationToken);
            if (await Task.WhenAny(appended, more, silence) == silence)
            {
                await silence;
                sent = spool.Acknowledged;
            }
        }
    }

    private async Task SendLogsAsync(OpenSession session, CancellationToken cancellationToken)
    {
        while (true)
        {
            var added = logs.Added.Next;
            while (logs.Take() is { } lines)
            {
                await session.SendAsync(new AgentMessage { Log = lines }, cancellationToken);
            }

            await added.WaitAsync(cancellationToken);
            // A burst of lines becomes one message.
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken);
        }
    }

    private async Task TakeLeaveAsync(OpenSession session, CancellationToken cancellationToken)
    {
        await draining.Task.WaitAsync(cancellationToken);
        await session.SendAsync(new AgentMessage { Draining = new AgentDraining() }, cancellationToken);
        await leaving.Task.WaitAsync(cancellationToken);
        await session.CompleteAsync(cancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
    }

    private AgentEnd.Refused Refusal(RpcException refusal) => refusal.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied
        ? new AgentEnd.Refused(ExitCode.NotAllowed, $"{identity.Coordinator} does not take this agent: {refusal.Status.Detail.TrimEnd('.')}; give the cluster's token with --token-file")
        : new AgentEnd.Refused(ExitCode.BadInput, $"{identity.Coordinator} does not take this agent (version {identity.Version}): {refusal.Status.Detail}");

    private void SayAway(Exception failure)
    {
        // Once a break, not once a try.
        if (!saidAway)
        {
            saidAway = true;
            LogAway(log, identity.Coordinator, failure is RpcException rpc ? rpc.Status.Detail : failure.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "{agent} is registered with {coordinator}")]
    private static partial void LogRegistered(ILogger logger, string agent, string coordinator);

    [LoggerMessage(LogLevel.Warning, "no session with {coordinator}, trying on: {reason}")]
    private static partial void LogAway(ILogger logger, string coordinator, string reason);

    [LoggerMessage(LogLevel.Error, "{coordinator} does not take this agent any more, trying on: {reason}")]
    private static partial void LogRefused(ILogger logger, string coordinator, string reason);

    /// <summary>A registered stream; one writer at a time.</summary>
    private sealed class OpenSession(AsyncDuplexStreamingCall<AgentMessage, CoordinatorMessage> call) : IAsyncDisposable
    {
        private readonly SemaphoreSlim writing = new(1, 1);
        private ulong heard = 1;

        public AsyncDuplexStreamingCall<AgentMessage, CoordinatorMessage> Call { get; } = call;

        public Registered Registered { get; set; } = new();

        /// <summary>Messages that were taken, Registered among them.</summary>
        public ulong Heard
        {
            get => Volatile.Read(ref heard);
            set => Volatile.Write(ref heard, value);
        }

        public async Task SendAsync(AgentMessage message, CancellationToken cancellationToken)
        {
            await writing.WaitAsync(cancellationToken);
            try
            {
                await Call.RequestStream.WriteAsync(message, cancellationToken);
            }
            catch (Exception broken) when (broken is IOException or InvalidOperationException)
            {
                // The connection broke in mid-write, or the other side ended the call: one and the same to us.
                throw new RpcException(new Status(StatusCode.Unavailable, broken.Message, broken));
            }
            finally
            {
                writing.Release();
            }
        }

        /// <summary>Nothing is sent after this: who tries waits for the end.</summary>
        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            await writing.WaitAsync(cancellationToken);
            try
            {
                await Call.RequestStream.CompleteAsync();
            }
            catch (Exception broken) when (broken is IOException or InvalidOperationException)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, broken.Message, broken));
            }
        }

        public ValueTask DisposeAsync()
        {
            Call.Dispose();
            writing.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
