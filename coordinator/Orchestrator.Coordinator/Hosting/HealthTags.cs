using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>Checks tagged <see cref="Ready"/> decide /health/ready, the gRPC health service and when the coordinator takes work.</summary>
public static class HealthTags
{
    public const string Ready = "ready";

    public static Func<HealthCheckRegistration, bool> OnlyReady { get; } = registration => registration.Tags.Contains(Ready);
}

/// <summary>Not ready before the hosted services run, nor once the host stops: load balancers then look elsewhere.</summary>
internal sealed class LifetimeCheck(IHostApplicationLifetime lifetime) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult((lifetime.ApplicationStarted.IsCancellationRequested, lifetime.ApplicationStopping.IsCancellationRequested) switch
        {
            (false, _) => HealthCheckResult.Unhealthy("starting"),
            (_, true) => HealthCheckResult.Unhealthy("stopping"),
            _ => HealthCheckResult.Healthy(),
        });
}
