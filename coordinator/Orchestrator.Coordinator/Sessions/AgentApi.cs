using System.Collections.Immutable;
using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>The agents' side: one session each, and their checkpoints.</summary>
internal sealed partial class AgentApi(AgentDirectory agents, AgentAdoption adoption, ReportIntake intake, RunEffects effects, RunTable table, RunLogs logs,
    AgentWatch watch, IArtifactStore artifacts, TimeProvider time, ILogger<AgentApi> logger) : AgentService.AgentServiceBase
{
    internal const double HeartbeatSeconds = 0.5;
    private static readonly TimeSpan JournalPause = TimeSpan.FromSeconds(2);
    private const int MostSlots = 1024;

    public override async Task Session(
        IAsyncStreamReader<AgentMessage> requestStream, IServerStreamWriter<CoordinatorMessage> responseStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken) || requestStream.Current.Register is not { } register)
        {
            throw new UserException(StatusCode.InvalidArgument, "not-registered", "an agent's session begins with Register");
        }

        var identity = IdentityOf(register);
        using var connection = new AgentConnection();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, connection.Closed);
        await agents.ExecuteAsync(identity.Id, new WorkerCommand.Register(identity, time.GetUtcNow()), over.Token);
        var before = agents.Connect(identity.Id, connection);
        LogRegistered(identity.Id, identity.Host, identity.Pid, identity.Devices.Count, register.Tasks.Count);
        var writing = WriteAsync(connection, responseStream, over.Token);
        try
        {
            // What it said last in another session, or in another life, counts before what it says in this one. A trainer that it had, and that was ready, would otherwise be taken for
            // the one that it is told to start in its place.
            await before.WaitAsync(over.Token);
            await ServeAsync(identity.Id, connection, register, requestStream, over.Token);
        }
        catch (Exception exception) when (over.IsCancellationRequested && exception is OperationCanceledException or IOException or RpcException)
        {
            // The agent went, came back on another session, or was told to.
        }
        finally
        {
            agents.Disconnect(identity.Id, connection);
            connection.Close();
            connection.End();
            await writing;
            LogEnded(identity.Id);
        }
    }

    private async Task ServeAsync(string agent, AgentConnection connection, Register register, IAsyncStreamReader<AgentMessage> requests, CancellationToken cancellationToken)
    {
        var acknowledged = agents.AcknowledgedBy(agent);
        var reports = new ReportQueue(agent, connection, agents, acknowledged);
        var acknowledging = AcknowledgeAsync(reports, connection);
        try
        {
            var registered = new Registered { Acknowledged = acknowledged, HeartbeatSeconds = HeartbeatSeconds };
            registered.Fenced.AddRange(adoption.FencedOf(agent, register.Tasks));
            connection.Send(new CoordinatorMessage { Registered = registered });
            await adoption.ReconcileAsync(agent, connection, register.Tasks);
            await ReadAsync(agent, connection, requests, reports, cancellationToken);
        }
        finally
        {
            agents.Disconnect(agent, connection);
            reports.Complete();
            connection.Close();
            await acknowledging;
        }
    }

    private static WorkerIdentity IdentityOf(Register register)
    {
        if (register.AgentId.Length is 0 or > 128 || register.Devices.Count is 0 or > MostSlots)
        {
            throw new UserException(
                StatusCode.InvalidArgument, "bad-agent", "an agent has an identifier and 1 to 1024 slots", "start it with --slots N");
        }

        return new WorkerIdentity(register.AgentId, register.Host, register.Pid, register.Version, [.. register.Devices], register.Advertise, register.Embedded);
    }

    private async Task ReadAsync(string agent, AgentConnection connection, IAsyncStreamReader<AgentMessage> requests, ReportQueue reports, CancellationToken cancellationToken)
    {
        while (await requests.MoveNext(cancellationToken))
        {
            var message = requests.Current;
            switch (message.MessageCase)
            {
                case AgentMessage.MessageOneofCase.Heartbeat:
                    agents.Listed(agent, connection, message.Heartbeat.Tasks, message.Heartbeat.HasHeard ? message.Heartbeat.Heard : null);
                    foreach (var task in message.Heartbeat.Tasks)
                    {
                        if (table.Find(task.Run)?.Current is { } generation && generation.MemberOf(new TrainerName(task.Generation, task.Rank)) is { } member)
                        {
                            effects.Follow(task.Run, generation.Number).Hear(task, member.Place.Rank);
                        }
                    }

                    break;
                case AgentMessage.MessageOneofCase.Report:
                    agents.Heard(agent);
                    await reports.AddAsync(message.Report, intake.TakeAsync, cancellationToken);
                    break;
                case AgentMessage.MessageOneofCase.Log:
                    agents.Heard(agent);
                    logs.Append(message.Log);
                    break;
                case AgentMessage.MessageOneofCase.Draining:
                    await watch.DrainAsync(agent, cancellationToken);
                    break;
                default:
                    agents.Heard(agent);
                    break;
            }
        }
    }

    private static async Task WriteAsync(AgentConnection connection, IServerStreamWriter<CoordinatorMessage> responses, CancellationToken cancellationToken)
    {
        try
        {
            while (await connection.Outbound.WaitToReadAsync(cancellationToken))
            {
                while (connection.Outbound.TryRead(out var message))
                {
                    await responses.WriteAsync(message, cancellationToken);
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException or RpcException)
        {
            connection.Close();
        }
    }

    private async Task AcknowledgeAsync(ReportQueue reports, AgentConnection connection)
    {
        try
        {
            await reports.AcknowledgeAsync();
        }
        catch (Exception exception)
        {
            LogNotDurable(exception);
            if (exception is JournalException { Passing: true })
            {
                // It comes back at once and sends all of it again: the journal gets a moment.
                await Task.Delay(JournalPause, time, connection.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }

            connection.Close();
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {Agent} on {Host} (process {Pid}) has a session: {Slots} slots, {Tasks} tasks running")]
    private partial void LogRegistered(string agent, string host, int pid, int slots, int tasks);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent {Agent}: session ended")]
    private partial void LogEnded(string agent);

    [LoggerMessage(Level = LogLevel.Error, Message = "A report could not be journalled; its agent sends it again")]
    private partial void LogNotDurable(Exception exception);
}
