using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Orchestrator.Coordinator.Broker;

/// <summary>Without its broker a coordinator still takes sweeps and looks after what runs: it is degraded, and new trials wait.</summary>
internal sealed class BrokerCheck(MessageBroker broker) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(broker.IsConnected ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded("the broker is away: new trials wait"));
}
