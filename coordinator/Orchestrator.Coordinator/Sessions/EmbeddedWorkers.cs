using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>
/// The agents that the coordinator starts on its own machine. They outlive its sudden death; the next coordinator of the data directory counts those that come back. An
/// orderly end ends them too.
/// </summary>
internal sealed partial class EmbeddedWorkers : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How long agents of the last coordinator have to come back before new ones are started. They dial every two seconds at the latest, a connection that was refused is not tried again for another one, and a machine
    /// on which everything restarts is busy; whoever is not waited for dies with its trainers.
    /// </summary>
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ShutdownPatience = TimeSpan.FromSeconds(8);

    /// <summary>For the kernel to take away what was killed.</summary>
    private static readonly TimeSpan DeathPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly CoordinatorOptions options;
    private readonly BoundEndpoints endpoints;
    private readonly AgentDirectory agents;
    private readonly AgentWatch watch;
    private readonly IHostApplicationLifetime lifetime;
    private readonly TimeProvider time;
    private readonly ILogger<EmbeddedWorkers> logger;
    private readonly string folder;
    private readonly Lock gate = new();
    private readonly List<AgentProcess> processes = [];
    private readonly HashSet<int> leaving = [];
    private int wanted;
    private int earlyDeaths;
    private long pausedUntil;

    public EmbeddedWorkers(CoordinatorOptions options, BoundEndpoints endpoints, AgentDirectory agents, AgentWatch watch, DataDirectory directory,
        IHostApplicationLifetime lifetime, TimeProvider time, ILogger<EmbeddedWorkers> logger)
    {
        (this.options, this.endpoints, this.agents, this.watch, this.lifetime, this.time, this.logger) =
            (options, endpoints, agents, watch, lifetime, time, logger);
        folder = directory["agents"];
        wanted = options.Workers;
    }

    public bool IsEnabled => options.Embedded;

    /// <summary>The agent ends and is not replaced: one fewer is wanted.</summary>
    public void Leaving(string agent)
    {
        lock (gate)
        {
            if (agents.Find(agent) is { Identity.Embedded: true } view && leaving.Add(view.Identity.Pid))
            {
                wanted = Math.Max(0, wanted - 1);
            }
        }
    }

    /// <summary>Starts agents, or drains the last ones, until there are so many.</summary>
    public async Task ScaleAsync(int workers, CancellationToken cancellationToken)
    {
        List<AgentProcess> surplus;
        lock (gate)
        {
            wanted = workers;
            surplus = [.. Staying().OrderByDescending(process => process.Place).Take(Math.Max(0, Staying().Count() - workers))];
            leaving.UnionWith(surplus.Select(process => process.Pid));
        }

        foreach (var process in surplus)
        {
            if (AgentOf(process) is { Connected: true } agent)
            {
                await watch.DrainAsync(agent.Identity.Id, cancellationToken);
            }
            else
            {
                process.Kill();
            }
        }
    }

    /// <summary>The listeners close before services stop: what is to be said to agents must be said now.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        foreach (var agent in agents.List().Where(agent => agent.Identity.Embedded))
        {
            agents.Send(agent.Identity.Id, new CoordinatorMessage { Shutdown = new ShutdownAgent() });
        }

        AgentProcess[] strangers;
        lock (gate)
        {
            strangers = [.. processes.Where(process => process.IsAlive && !IsConnected(process))];
        }

        // Still on their way here, they would hear of no end but the last one, and leave their files behind.
        Array.ForEach(strangers, process => process.Terminate());
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        AgentProcess[] left;
        lock (gate)
        {
            left = [.. processes];
        }

        await GoneAsync(left, ShutdownPatience, cancellationToken);
        foreach (var process in left)
        {
            process.Kill();
        }

        // Whoever waits for the end of this process takes the cluster for ended by then.
        await GoneAsync(left, DeathPatience, cancellationToken);

        foreach (var agent in left.Select(AgentOf).OfType<AgentView>())
        {
            // So that the next coordinator does not wait for them.
            await agents.ExecuteAsync(agent.Identity.Id, new WorkerCommand.Leave(time.GetUtcNow()), CancellationToken.None);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!IsEnabled)
        {
            return;
        }

        try
        {
            await RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped before the host says that it stops: it would take this for a failure.
        }
    }

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        var listening = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(() => listening.TrySetResult());
        await listening.Task.WaitAsync(stoppingToken);
        Directory.CreateDirectory(folder);
        await AdoptAsync(stoppingToken);
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task GoneAsync(AgentProcess[] left, TimeSpan patience, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (left.Any(process => process.IsAlive) && time.GetElapsedTime(started) < patience && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, CancellationToken.None);
        }
    }

    /// <summary>Waits for the agents that a coordinator before this one left, and takes them into the pool.</summary>
    private async Task AdoptAsync(CancellationToken stoppingToken)
    {
        var known = agents.List().Where(agent => agent.Identity.Embedded).Select(agent => AgentProcess.Adopt(agent.Identity.Pid, folder)).OfType<AgentProcess>().ToArray();
        var started = time.GetTimestamp();
        while (known.Any(process => process.IsAlive && !IsConnected(process)) && time.GetElapsedTime(started) < ComeBack)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), time, stoppingToken);
        }

        foreach (var process in known.Where(process => process.IsAlive))
        {
            if (IsConnected(process))
            {
                lock (gate)
                {
                    processes.Add(process);
                }

                LogAdopted(process.Pid);
            }
            else
            {
                // It holds its folder and does not speak: of no use to anyone.
                process.Kill();
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        AgentProcess[] dead;
        var gone = new HashSet<int>();
        lock (gate)
        {
            dead = [.. processes.Where(process => !process.IsAlive)];
            foreach (var process in dead)
            {
                processes.Remove(process);
                if (leaving.Remove(process.Pid))
                {
                    gone.Add(process.Pid);
                }
            }
        }

        foreach (var process in dead)
        {
            await LoseAsync(process, gone.Contains(process.Pid), cancellationToken);
        }

        lock (gate)
        {
            while (Staying().Count() < wanted && time.GetTimestamp() >= pausedUntil)
            {
                processes.Add(Start());
            }
        }
    }

    private async Task LoseAsync(AgentProcess process, bool left, CancellationToken cancellationToken)
    {
        var agent = AgentOf(process);
        if (!left)
        {
            LogDied(process.Pid);
            // One that dies before it ever had a session would die again: each time the pause doubles.
            earlyDeaths = agent is null ? Math.Min(earlyDeaths + 1, 8) : 0;
            var pause = TimeSpan.FromMilliseconds(agent is null ? 250 << earlyDeaths : 0);
            pausedUntil = time.GetTimestamp() + (long)(Math.Min(pause.TotalSeconds, LongestPause.TotalSeconds) * time.TimestampFrequency);
        }

        if (agent is not null)
        {
            await watch.LoseAsync(agent.Identity.Id, "its process ended", cancellationToken);
        }
    }

    private AgentProcess Start()
    {
        var taken = processes.Select(process => process.Place).ToHashSet();
        var place = Enumerable.Range(1, taken.Count + 1).First(place => !taken.Contains(place));
        var home = Path.Combine(folder, place.ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(home);
        string[] token = options.TokenFile is null ? [] : ["--token-file", options.TokenFile];
        var process = AgentProcess.Start(place, Path.Combine(home, "agent.log"),
        [
            DotnetPath(), options.WorkerAssembly!, "agent", "--coordinator", new Uri(endpoints.Endpoint.Address).Authority,
            "--slots", options.Slots.ToString(CultureInfo.InvariantCulture), "--data-dir", home, "--embedded", .. token,
        ]);
        LogStarted(process.Pid, place);
        return process;
    }

    /// <summary>Those that have not been told to go. Under the lock.</summary>
    private IEnumerable<AgentProcess> Staying() => processes.Where(process => !leaving.Contains(process.Pid));

    private bool IsConnected(AgentProcess process) => AgentOf(process) is { Connected: true };

    /// <summary>Agents of other machines may have the same process id.</summary>
    private AgentView? AgentOf(AgentProcess process) => agents.List().FirstOrDefault(agent => agent.Identity.Embedded && agent.Identity.Pid == process.Pid);

    /// <summary>The host that runs this process, whatever PATH says.</summary>
    private static string DotnetPath()
    {
        if (Environment.ProcessPath is { } own && Path.GetFileName(own) == "dotnet")
        {
            return own;
        }

        var shared = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return File.Exists(shared) ? shared : "dotnet";
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Started agent process {Pid} at place {Place}")]
    private partial void LogStarted(int pid, int place);

    [LoggerMessage(Level = LogLevel.Information, Message = "Agent process {Pid} came back and counts")]
    private partial void LogAdopted(int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent process {Pid} died")]
    private partial void LogDied(int pid);

    [LoggerMessage(Level = LogLevel.Error, Message = "The pool of agents could not be looked after; it is tried again")]
    private partial void LogFailed(Exception exception);
}
