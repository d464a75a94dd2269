using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Sessions;

internal static class SessionServices
{
    private static readonly EventStoreOptions<WorkerState> Streams = new() { SnapshotEvery = 100, HasEnded = state => state.Phase is WorkerPhase.Unknown };

    /// <summary>Agents: their streams, sessions, reports, the watch over them, and the pool on this machine. Needs <c>AddRuns</c>.</summary>
    public static IServiceCollection AddSessions(this IServiceCollection services)
    {
        services.AddSingleton(provider => new EventStore<WorkerState, WorkerEvent>(
            "worker", WorkerState.Initial, WorkerState.Apply, provider.GetRequiredService<IJournal>(), Streams));
        services.AddSingleton<AgentDirectory>();
        services.AddSingleton<AgentAdoption>();
        services.AddSingleton<ReportIntake>();
        services.AddSingleton<AgentWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<AgentWatch>());
        services.AddSingleton<EmbeddedWorkers>();
        services.AddHostedService(provider => provider.GetRequiredService<EmbeddedWorkers>());
        services.AddSingleton<AgentApi>();
        services.AddSingleton<WorkerApi>();
        return services;
    }

    public static void MapSessions(this WebApplication app)
    {
        app.MapGrpcService<AgentApi>();
        app.MapGrpcService<WorkerApi>();
        var figures = app.Services.GetRequiredService<ClusterFigures>();
        var agents = app.Services.GetRequiredService<AgentDirectory>();
        figures.Workers = () => agents.List().Count(agent => agent is { Connected: true, Phase: WorkerPhase.Ready });
        figures.Slots = () => agents.Slots().All.Count;
    }
}
