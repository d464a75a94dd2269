using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Orchestrator.Coordinator.Journal;

/// <summary>Without its journal a coordinator can decide nothing.</summary>
internal sealed class JournalCheck(IJournal journal) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await journal.ReadCursorAsync("health", cancellationToken).WaitAsync(Patience, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception exception) when (exception is JournalException or TimeoutException)
        {
            return HealthCheckResult.Unhealthy("the database is away");
        }
    }
}
