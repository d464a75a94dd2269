using Microsoft.Extensions.DependencyInjection.Extensions;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Runs;

namespace Orchestrator.Coordinator.Sweeps;

internal static class SweepServices
{
    /// <summary>A snapshot holds all trials, so it is worth writing only now and then.</summary>
    private static readonly EventStoreOptions<SweepState> Streams = new()
    {
        SnapshotEvery = 10_000,
        HasEnded = state => state.HasEnded && state.IsSettled,
        EndedInMemory = 64,
    };

    /// <summary>The sweep controller: its streams, its side of the broker, and what people ask of it.</summary>
    public static IServiceCollection AddSweeps(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new EventStore<SweepState, SweepEvent>(
            SweepBook.Category, SweepState.Initial, SweepEvolution.Apply, provider.GetRequiredService<IJournal>(), Streams));
        services.AddSingleton<SweepOutbox>();
        services.AddSingleton<SweepBook>();
        services.AddHostedService(provider => provider.GetRequiredService<SweepOutbox>());
        services.AddHostedService<SweepController>();
        services.AddSingleton<TrialMessages>();
        services.AddSingleton<IMessageHandler<TrialStarted>>(provider => provider.GetRequiredService<TrialMessages>());
        services.AddSingleton<IMessageHandler<TrialReported>>(provider => provider.GetRequiredService<TrialMessages>());
        services.AddSingleton<IMessageHandler<TrialFinished>>(provider => provider.GetRequiredService<TrialMessages>());
        services.AddSingleton<IMessageHandler<TrialScored>>(provider => provider.GetRequiredService<TrialMessages>());
        services.AddSingleton<ExternalTrials>();
        services.AddSingleton<SweepApi>();
        services.AddSingleton<BestCheckpointOfSweep>(provider => provider.GetRequiredService<SweepApi>().BestCheckpointAsync);
        return services;
    }

    public static void MapSweeps(this WebApplication app) => app.MapGrpcService<SweepApi>();
}
