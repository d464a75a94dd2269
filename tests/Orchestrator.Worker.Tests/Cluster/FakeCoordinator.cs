using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Worker.Tests.Cluster;

/// <summary>The coordinator's side of the contract with agents, on a port of its own; what it has heard outlives a restart.</summary>
internal sealed class FakeCoordinator : IAsyncDisposable
{
    private readonly ConcurrentQueue<Report> reports = new();

    // Below the ports that the system hands out: nobody takes it while this is away, an agent that dials it least of all.
    private readonly int port = FreePort.Next();
    private WebApplication? application;

    public DigitsFolder Digits { get; } = new();

    public string? Token { get; init; }

    /// <summary>Whether reports are acknowledged when they come.</summary>
    public bool Acknowledges { get; set; } = true;

    public string Address => $"127.0.0.1:{port}";

    public ConcurrentQueue<Register> Registers { get; } = new();

    public ConcurrentQueue<AgentHeartbeat> Heartbeats { get; } = new();

    public ConcurrentQueue<(string Run, string Line)> Log { get; } = new();

    public IEnumerable<string> LogLines => Log.Select(line => line.Line);

    public ConcurrentDictionary<string, SortedDictionary<string, byte[]>> Checkpoints { get; } = new();

    public ConcurrentQueue<string> ChunksFetched { get; } = new();

    public volatile bool Draining;

    public AgentSessions Sessions { get; } = new();

    /// <summary>Each once, in the order of their numbers, as a journal would have them.</summary>
    public IReadOnlyList<Report> Reports => [.. reports.DistinctBy(report => report.Sequence).OrderBy(report => report.Sequence)];

    /// <summary>As they came, twice where they were sent twice.</summary>
    public IReadOnlyList<Report> Received => [.. reports];

    public static async Task<FakeCoordinator> StartAsync(string? token = null)
    {
        var coordinator = new FakeCoordinator { Token = token };
        await coordinator.ListenAsync();
        return coordinator;
    }

    public async Task ListenAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(this);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        application = builder.Build();
        application.UseRouting();
        application.MapGrpcService<FakeAgentService>();
        application.MapGrpcService<FakeDatasetService>();
        await application.StartAsync();
    }

    /// <summary>As a crash: the port closes and sessions break.</summary>
    public async Task StopAsync()
    {
        Sessions.BreakAll();
        await application!.DisposeAsync();
    }

    public void Hear(Report report) => reports.Enqueue(report);

    public Task SendAsync(CoordinatorMessage message) => Sessions.SendAsync(message);

    public AssignTask Assignment(string run, int rank, int worldSize, string spec, int generation = 1)
    {
        var assignment = new AssignTask
        {
            Run = run,
            Generation = generation,
            Rank = rank,
            WorldSize = worldSize,
            Slot = rank,
            Spec = spec,
            DatasetSha256 = Digits.ManifestSha256,
        };
        var plan = Orchestrator.Collectives.ShardPlan.Even(4, worldSize);
        assignment.Shards.AddRange(plan.Ranges.Select(range => new ShardRange { First = range.First, End = range.End }));
        return assignment;
    }

    /// <summary>Assigns all ranks, waits until they are ready, and lets them begin.</summary>
    public async Task RunAsync(string run, int worldSize, string spec, int generation = 1, string checkpoint = "", string traceParent = "")
    {
        for (var rank = 0; rank < worldSize; rank++)
        {
            var assignment = Assignment(run, rank, worldSize, spec, generation);
            (assignment.Checkpoint, assignment.TraceParent) = (checkpoint, traceParent);
            await SendAsync(new CoordinatorMessage { Assign = assignment });
        }

        var begin = new BeginGeneration { Run = run, Generation = generation, Key = Google.Protobuf.ByteString.CopyFrom(new byte[32]) };
        for (var rank = 0; rank < worldSize; rank++)
        {
            begin.Peers.Add((await ReportAsync(run, generation, rank, Report.ReportOneofCase.Ready)).Ready.PeerAddress);
        }

        await SendAsync(new CoordinatorMessage { Begin = begin });
    }

    public Task<Report> ReportAsync(string run, int generation, int rank, Report.ReportOneofCase kind) => Eventually.Some(
        () => Reports.FirstOrDefault(report => report.Run == run && report.Generation == generation && report.Rank == rank && report.ReportCase == kind),
        () => $"no {kind} of {run} generation {generation} rank {rank}; heard: {string.Join("\n", Reports)}\nlog: {string.Join("\n", LogLines)}");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Digits.Dispose();
    }
}
