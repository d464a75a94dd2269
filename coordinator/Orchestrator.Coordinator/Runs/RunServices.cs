using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Sweeps;

namespace Orchestrator.Coordinator.Runs;

internal static class RunServices
{
    private static readonly EventStoreOptions<RunState> Streams = new()
    {
        SnapshotEvery = 500,
        HasEnded = state => state is { Outcome: not null, Phase: RunPhase.Idle },
    };

    /// <summary>The run coordinator: its streams, placement, its side of the broker, and what people ask of runs and checkpoints. Needs <c>AddSessions</c>.</summary>
    public static IServiceCollection AddRuns(this IServiceCollection services)
    {
        services.AddSingleton(provider => new EventStore<RunState, RunEvent>(
            "run", RunState.Initial, RunEvolution.Apply, provider.GetRequiredService<IJournal>(), Streams));
        services.AddSingleton<RunTable>();
        services.AddSingleton<RunStreams>();
        services.AddSingleton<RunMeters>();
        services.AddSingleton<RunEffects>();
        services.AddSingleton<RunViews>();
        services.AddSingleton<TrainRows>();
        services.AddSingleton<RunCoordinator>();
        services.AddHostedService(provider => provider.GetRequiredService<RunCoordinator>());
        services.AddSingleton<RunLogs>();
        services.AddHostedService(provider => provider.GetRequiredService<RunLogs>());
        services.AddHostedService<PlacementLoop>();
        services.AddHostedService<RunOutbox>();
        services.AddSingleton<TrialHandlers>();
        services.AddSingleton<IMessageHandler<RunTrial>>(provider => provider.GetRequiredService<TrialHandlers>());
        services.AddSingleton<IMessageHandler<StopTrial>>(provider => provider.GetRequiredService<TrialHandlers>());
        services.AddSingleton<IMessageHandler<ScoreTrial>>(provider => provider.GetRequiredService<TrialHandlers>());
        services.AddSingleton<IMessageHandler<ReleaseTrial>>(provider => provider.GetRequiredService<TrialHandlers>());
        services.AddSingleton<RunOrigins>();
        services.AddSingleton<RunRemoval>();
        services.AddSingleton<ISweepRuns>(provider => provider.GetRequiredService<RunRemoval>());
        services.AddSingleton<RunApi>();
        services.AddSingleton<CheckpointApi>();
        return services;
    }

    public static void MapRuns(this WebApplication app)
    {
        app.MapGrpcService<RunApi>();
        app.MapGrpcService<CheckpointApi>();
        var table = app.Services.GetRequiredService<RunTable>();
        app.Services.GetRequiredService<ClusterFigures>().SlotsWanted = () => table.SlotsWanted;
    }
}
