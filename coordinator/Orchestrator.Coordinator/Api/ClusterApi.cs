using Grpc.Core;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Api;

/// <summary>The coordinator itself: its figures, and its end.</summary>
internal sealed partial class ClusterApi(
    CoordinatorOptions options, BoundEndpoints endpoints, ClusterFigures figures, IHostApplicationLifetime lifetime, ILogger<ClusterApi> logger)
    : ClusterService.ClusterServiceBase
{
    private static readonly string Version = typeof(ClusterApi).Assembly.GetName().Version!.ToString(3);

    public override Task<Cluster> GetCluster(GetClusterRequest request, ServerCallContext context) => Task.FromResult(new Cluster
    {
        Version = Version,
        Endpoint = endpoints.Endpoint.Address,
        Web = endpoints.Endpoint.Web,
        Pid = endpoints.Endpoint.Pid,
        Embedded = options.Embedded,
        Workers = figures.Workers(),
        Slots = figures.Slots(),
        SlotsWanted = figures.SlotsWanted(),
        DeadLetters = figures.DeadLetters(),
        Broker = BrokerShown(options.Broker),
        Database = options.DatabaseAddress.Shown,
        DataDirectory = options.DataDirectory,
    });

    /// <summary>Answers first: the host lets calls under way finish before it closes its connections.</summary>
    public override Task<ShutdownResponse> Shutdown(ShutdownRequest request, ServerCallContext context)
    {
        LogShutdown(context.Peer);
        lifetime.StopApplication();
        return Task.FromResult(new ShutdownResponse { Pid = Environment.ProcessId });
    }

    /// <summary>Without the password.</summary>
    internal static string BrokerShown(string broker) =>
        Uri.TryCreate(broker, UriKind.Absolute, out var uri) && uri.UserInfo.Length > 0 ? new UriBuilder(uri) { UserName = "", Password = "" }.Uri.ToString() : broker;

    [LoggerMessage(Level = LogLevel.Information, Message = "Asked to shut down by {Peer}")]
    private partial void LogShutdown(string peer);
}
