using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>A coordinator and agents that dial in to it, in a folder of their own: so that any of them can be killed.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongGlance = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Shell shell;
    private readonly string folder = Directory.CreateTempSubdirectory("orch-bench-").FullName;
    private readonly List<Process> agents = [];
    private readonly HashSet<int> leaving = [];
    private int started;
    private EmbeddedCluster? coordinator;
    private Connection? connection;

    private BenchCluster(Shell shell) => this.shell = shell;

    private RunService.RunServiceClient Runs => connection!.Runs;

    /// <param name="agents">Of one slot each.</param>
    /// <param name="spare">Whether each keeps a warm trainer.</param>
    public static async Task<BenchCluster> StartAsync(Shell shell, int agents, bool spare, CancellationToken cancellation)
    {
        var cluster = new BenchCluster(shell);
        try
        {
            await cluster.StartCoordinatorAsync("127.0.0.1:0", cancellation);
            for (var agent = 0; agent < agents; agent++)
            {
                cluster.StartAgent(spare);
            }

            await UntilAsync("the agents", async () => (await cluster.WorkersAsync(cancellation)).Count(worker => worker.State == "ready") == agents, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <returns>Its identifier.</returns>
    public async Task<string> SubmitAsync(string file, CancellationToken cancellation)
    {
        // Of its own trace: what is looked at later is no part of it.
        using var traced = coordinator!.Connect(SubmitSpan.Begin("orch bench", TimeProvider.System).TraceParent);
        return (await traced.Runs.SubmitRunAsync(new() { File = file, FileName = "bench.yaml" }, cancellationToken: cancellation)).Id;
    }

    public async Task<Run> RunAsync(string id, CancellationToken cancellation) => await Runs.GetRunAsync(new() { Id = id }, cancellationToken: cancellation);

    /// <summary>Waits until so many train it, some steps of theirs included.</summary>
    public async Task<Run> UntilTrainingAsync(string id, int workers, int steps, CancellationToken cancellation)
    {
        var (generation, from) = (-1, 0L);
        Run? run = null;
        await UntilAsync(
            $"{workers} trainers",
            async () =>
            {
                run = Alive(await RunAsync(id, cancellation));
                if (run.Generation != generation)
                {
                    (generation, from) = (run.Generation, run.Step);
                }

                return run.WorldSize == workers && run.Workers.All(worker => worker.Pid > 0) && run.Step >= from + steps;
            },
            cancellation);
        return run!;
    }

    /// <summary>Waits until every agent has a trainer in reserve that has made itself ready: one that does nothing.</summary>
    public async Task UntilSparesAsync(CancellationToken cancellation)
    {
        HashSet<SpareProcess> seen = [];
        await UntilAsync(
            "the spare trainers",
            async () =>
            {
                var busy = (await WorkersAsync(cancellation)).SelectMany(worker => worker.Trainers).Select(trainer => trainer.Pid).ToHashSet();
                var before = seen;
                seen = [.. SpareProcess.Of(agents.Select(agent => agent.Id)).Where(spare => !busy.Contains(spare.Pid))];
                return seen.Intersect(before).Select(spare => spare.Agent).Distinct().Count() == agents.Count;
            },
            cancellation,
            LongGlance);
    }

    /// <summary>The process of the agent that one of the run's trainers belongs to.</summary>
    public async Task<int> AgentOfAsync(RunWorker trainer, CancellationToken cancellation) => await FindAgentAsync(trainer, cancellation) ?? throw CliException.Failed($"the agent {trainer.Id} is gone");

    /// <returns>Null where it is not ready any more.</returns>
    public async Task<int?> FindAgentAsync(RunWorker trainer, CancellationToken cancellation) =>
        (await WorkersAsync(cancellation)).Where(worker => worker.Id == trainer.Id && worker.State == "ready").Select(worker => (int?)worker.Pid).SingleOrDefault();

    /// <summary>One more dials in, without a spare.</summary>
    public void AddAgent() => StartAgent(spare: false);

    /// <summary>SIGTERM: it lets its trainers hand over, and goes.</summary>
    public void Drain(int agent)
    {
        leaving.Add(agent);
        Programs.Terminate(agent);
    }

    /// <summary>Waits until so many agents are ready and free: starts what is missing, and drains what is too many.</summary>
    public Task KeepAsync(int count, CancellationToken cancellation) => UntilAsync(
        $"{count} free agents",
        async () =>
        {
            foreach (var gone in agents.Where(agent => agent.HasExited).ToArray())
            {
                Programs.KillSession(gone.Id);
                agents.Remove(gone);
                gone.Dispose();
            }

            var staying = agents.Where(agent => !leaving.Contains(agent.Id)).ToArray();
            foreach (var surplus in staying.Skip(count))
            {
                Drain(surplus.Id);
            }

            for (var missing = count - staying.Length; missing > 0; missing--)
            {
                AddAgent();
            }

            var ready = (await WorkersAsync(cancellation)).Where(worker => worker.State == "ready").ToArray();
            return agents.Count == count && ready.Length == count && ready.All(worker => worker.Trainers.Count == 0);
        },
        cancellation,
        LongGlance);

    public async Task<Run> EndAsync(string id, CancellationToken cancellation)
    {
        Run? run = null;
        await UntilAsync("the run's end", async () => (run = await RunAsync(id, cancellation)).State is not ("pending" or "running"), cancellation);
        return run!;
    }

    /// <summary>Ends it, and waits until its slots are free.</summary>
    public async Task CancelAsync(string id, CancellationToken cancellation)
    {
        await Runs.CancelRunAsync(new() { Id = id }, cancellationToken: cancellation);
        await EndAsync(id, cancellation);
        await UntilAsync("free slots", async () => (await WorkersAsync(cancellation)).All(worker => worker.Trainers.Count == 0), cancellation);
    }

    /// <summary>Waits for the first generation that takes its first step after a moment, and until every rank of it has told of that.</summary>
    /// <param name="generation">Or a later one.</param>
    public async Task<IReadOnlyList<Standstill>> StandstillsAsync(string id, DateTimeOffset after, int generation, CancellationToken cancellation)
    {
        IReadOnlyList<Standstill> first = [];
        await UntilAsync(
            "the next step",
            async () =>
            {
                Alive(await RunAsync(id, cancellation));
                var trace = await Runs.GetRunTraceAsync(new() { Id = id }, cancellationToken: cancellation);
                var spans = trace.Spans.Where(span => span.Name == Standstill.Name).Select(Standstill.Of).Where(span => span.End > after && span.Generation >= generation);
                // Of one that ended in its first step not every rank tells.
                first = [.. spans.GroupBy(span => span.Generation).OrderBy(group => group.Key).FirstOrDefault(group => group.Count() == group.First().WorldSize) ?? Enumerable.Empty<Standstill>()];
                return first.Count > 0;
            },
            cancellation,
            LongGlance);
        return first;
    }

    /// <summary>SIGKILL, and the same again on the same address; returns once it has the run's agents again and shows a step that it had not heard of.</summary>
    public async Task RestartCoordinatorAsync(string id, CancellationToken cancellation)
    {
        var known = await RunAsync(id, cancellation);
        await RestartCoordinatorAsync(TimeSpan.Zero, cancellation);
        await UntilAsync("the coordinator to know the run", async () => Alive(await RunAsync(id, cancellation)).Step > known.Step, cancellation);
    }

    /// <summary>SIGKILL, and after a while the same again on the same address.</summary>
    public async Task RestartCoordinatorAsync(TimeSpan away, CancellationToken cancellation)
    {
        var endpoint = coordinator!.Endpoint;
        Programs.Kill(endpoint.Pid);
        await Programs.IsGoneWithinAsync(endpoint.Pid, Patience, cancellation);
        connection!.Dispose();
        coordinator.Dispose();
        await Task.Delay(away, cancellation);
        await StartCoordinatorAsync(new Uri(endpoint.Endpoint).Authority, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in agents)
        {
            Programs.KillSession(agent.Id);
            await Programs.IsGoneWithinAsync(agent.Id, Patience, CancellationToken.None);
            agent.Dispose();
        }

        connection?.Dispose();
        if (coordinator is not null)
        {
            await coordinator.StopAsync();
            coordinator.Dispose();
        }

        Directory.Delete(folder, recursive: true);
    }

    private async Task StartCoordinatorAsync(string listen, CancellationToken cancellation)
    {
        var options = new ClusterOptions(listen, "127.0.0.1:0", Path.Combine(folder, "data"), 0, 1, null, null, null, null);
        coordinator = await EmbeddedCluster.StartAsync(Installation.Find(shell), options, shell, static _ => { }, cancellation);
        connection = coordinator.Connect();
    }

    private void StartAgent(bool spare)
    {
        var home = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"agent-{++started}"));
        string[] line = ["agent", "--coordinator", new Uri(coordinator!.Endpoint.Endpoint).Authority, "--slots", "1", "--data-dir", home];
        agents.Add(Programs.StartApart(Installation.Find(shell).Worker, spare ? line : [.. line, "--no-spare"], home + ".log"));
    }

    private async Task<IReadOnlyList<V1.Worker>> WorkersAsync(CancellationToken cancellation) => (await connection!.Workers.ListWorkersAsync(new(), cancellationToken: cancellation)).Workers;

    private static Run Alive(Run run) => run.State is "pending" or "running" ? run : throw CliException.Failed($"the run is {run.State}: {run.Message}");

    /// <exception cref="CliException">It does not come about.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> holds, CancellationToken cancellation, TimeSpan? glance = null)
    {
        var watch = Stopwatch.StartNew();
        while (!await TryAsync(holds))
        {
            if (watch.Elapsed > Patience)
            {
                throw CliException.Failed($"waited {Patience.TotalSeconds:0} s for {what}");
            }

            await Task.Delay(glance ?? Glance, cancellation);
        }
    }

    /// <summary>A coordinator that has just come up may refuse a call.</summary>
    private static async Task<bool> TryAsync(Func<Task<bool>> holds)
    {
        try
        {
            return await holds();
        }
        catch (RpcException away) when (away.StatusCode == StatusCode.Unavailable)
        {
            return false;
        }
    }
}
