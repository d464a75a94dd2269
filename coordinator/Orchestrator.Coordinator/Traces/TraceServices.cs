using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Coordinator.Traces;

internal static class TraceServices
{
    /// <summary>The OTLP receiver's intake, the store behind it, and the way on to a backend.</summary>
    public static IServiceCollection AddTraces(this IServiceCollection services, CoordinatorOptions options)
    {
        services.AddSingleton(new TraceLimits());
        services.AddSingleton<TraceMetrics>();
        services.AddSingleton(provider => TraceDatabase.Open(options.DatabaseAddress, provider.GetRequiredService<DataDirectory>(), provider.GetRequiredService<TraceLimits>()));
        services.AddSingleton(provider => new TraceStore(
            provider.GetRequiredService<TraceDatabase>(), provider.GetRequiredService<TraceLimits>(), provider.GetRequiredService<TraceMetrics>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<TraceStore>>()));
        services.AddHostedService(provider => provider.GetRequiredService<TraceStore>());
        if (options.OtlpEndpoint is { } endpoint)
        {
            services.AddSingleton(provider => ActivatorUtilities.CreateInstance<TraceForwarder>(provider, new Uri(endpoint)));
            services.AddHostedService(provider => provider.GetRequiredService<TraceForwarder>());
        }

        services.AddSingleton(provider => new TraceIntake(provider.GetRequiredService<TraceStore>(), provider.GetService<TraceForwarder>()));
        services.AddSingleton<OwnSpans>();
        return services;
    }

    public static void MapTraces(this WebApplication app) => app.MapGrpcService<OtlpApi>();
}
