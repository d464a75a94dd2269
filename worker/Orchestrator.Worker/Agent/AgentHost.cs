using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Store;
using Orchestrator.Worker.Agent.Tasks;
using Orchestrator.Worker.Agent.Trainers;
using Orchestrator.Worker.Seeing;
using Serilog.Extensions.Logging;

namespace Orchestrator.Worker.Agent;

/// <summary>The agent put together, from its start to its clean end.</summary>
internal static class AgentHost
{
    private const long SpoolBytes = 256L << 20;
    private const int LogLines = 20_000;
    internal static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);
    internal static readonly TimeSpan DeliveryDeadline = TimeSpan.FromSeconds(5);

    /// <summary>For a gang all of whose agents drain to come to the end of a step.</summary>
    internal static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(5);

    /// <summary>For a checkpoint and its way to the coordinator.</summary>
    internal static readonly TimeSpan LeaveDeadline = TimeSpan.FromSeconds(10);
    internal static readonly TimeSpan TrainersDeadline = TimeSpan.FromSeconds(20);

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var lifetime = new AgentLifetime();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Drain(signal, lifetime));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Drain(signal, lifetime));
        using var directory = AgentDirectory.Open(options.DataDirectory);
        using var channel = new CoordinatorChannel(options);
        using var logging = WorkerLogging.ForAgent(directory.Logs, directory.AgentId);
        using var loggers = new SerilogLoggerFactory(logging);
        using var tracing = WorkerTracing.Start("orchestrator-agent", options.Coordinator, options.ReadToken());
        using var spool = ReportSpool.Open(directory.Spool, SpoolBytes, time, line => logging.Warning("{Line}", line));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var identity = new AgentIdentity(directory.AgentId, options);
        var logs = new LogBuffer(LogLines, time);
        var retries = Retries.ForEver(time);
        var datasetService = new DatasetService.DatasetServiceClient(channel.Invoker);
        var chunks = new ChunkCache(Path.Combine(directory.Cache, "chunks"), datasetService, retries, ending.Token);
        var datasets = new DatasetCache(Path.Combine(directory.Cache, "datasets"), datasetService, chunks, retries);
        var checkpoints = new CheckpointTransfer(new AgentService.AgentServiceClient(channel.Invoker), retries);
        var spares = new SpareTrainers(options, directory.SocketPath, time, loggers.CreateLogger<SpareTrainers>());
        var tasks = new TaskTable(new AgentContext(options, directory, identity.Advertise, datasets, checkpoints, spares, spool, logs, time, loggers), loggers.CreateLogger<TaskTable>());
        var session = new CoordinatorSession(channel, identity, tasks, spool, logs, lifetime, time, loggers.CreateLogger<CoordinatorSession>());

        await using var trainers = await ListenAsync(directory.SocketPath, tasks, spares, loggers);
        var running = session.RunAsync(ending.Token);
        var looking = LookAsync(tasks, time, ending.Token);

        await Task.WhenAny(lifetime.Ending, running, looking);
        // The session that ends says why before it does.
        var end = lifetime.Ending.IsCompleted ? await lifetime.Ending : new AgentEnd.Shutdown();
        await CloseAsync(end, options, lifetime, session, tasks, spool);
        await ending.CancelAsync();
        await Task.WhenAll(running, looking);
        return end is AgentEnd.Refused refused ? throw new CommandException(refused.ExitCode, refused.Message) : ExitCode.Done;
    }

    private static async Task CloseAsync(AgentEnd end, AgentOptions options, AgentLifetime lifetime, CoordinatorSession session, TaskTable tasks, ReportSpool spool)
    {
        if (end is AgentEnd.Drain)
        {
            // The coordinator lets the trainers hand over to others, and end.
            session.AnnounceDraining();
            await Task.WhenAny(tasks.LetEndAsync(), lifetime.Hurry, Task.Delay(options.DrainPatience));
            await Task.WhenAny(tasks.LeaveAsync(alone: false), lifetime.Hurry, Task.Delay(LeavePatience));
            await Task.WhenAny(tasks.LeaveAsync(alone: true), lifetime.Hurry, Task.Delay(LeaveDeadline));
        }

        await Task.WhenAny(tasks.EndAllAsync(end is AgentEnd.Drain ? EndReason.Preempted : EndReason.Shutdown), Task.Delay(TrainersDeadline));
        if (end is AgentEnd.Drain)
        {
            using var deadline = new CancellationTokenSource(DeliveryDeadline);
            await Task.WhenAny(DeliverAsync(session, spool, deadline.Token), lifetime.Hurry);
        }
    }

    // What stays undelivered lies in the spool.
    private static async Task DeliverAsync(CoordinatorSession session, ReportSpool spool, CancellationToken cancellationToken)
    {
        await spool.DrainedAsync(cancellationToken);
        await session.LeaveAsync(cancellationToken);
    }

    private static async Task<WebApplication> ListenAsync(string socket, TaskTable tasks, SpareTrainers spares, ILoggerFactory loggers)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(tasks);
        builder.Services.AddSingleton(spares);
        builder.Services.AddSingleton<TrainerEndpoint>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var application = builder.Build();
        application.UseRouting();
        application.MapGrpcService<TrainerEndpoint>();
        await application.StartAsync();
        File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return application;
    }

    private static async Task LookAsync(TaskTable tasks, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(LookInterval, time);
        var punctuality = new Punctuality(LookInterval, AgentTask.FrozenAfter, time);
        try
        {
            for (var looks = 1; await timer.WaitForNextTickAsync(cancellationToken); looks++)
            {
                if (punctuality.IsOnTime())
                {
                    tasks.LookAtLife();
                }

                if (looks % 10 == 0)
                {
                    tasks.Look();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The agent ends.
        }
    }

    private static void Drain(PosixSignalContext signal, AgentLifetime lifetime)
    {
        // Once or often: the first one decides.
        signal.Cancel = true;
        lifetime.End(new AgentEnd.Drain());
    }
}
