using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Orchestrator.Coordinator.Journal;

/// <summary>Without its journal a coordinator can decide nothing.</summary>
internal sealed class JournalCheck(IJournal journal) : IHealthCheck
{
    private const string Cursor = "health";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await LookAsync(cancellationToken).WaitAsync(Patience, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (JournalException exception) when (exception.Code == "journal-full")
        {
            return HealthCheckResult.Unhealthy(exception.Message.TrimEnd('.'));
        }
        catch (Exception exception) when (exception is JournalException or TimeoutException)
        {
            return HealthCheckResult.Unhealthy("the database is away");
        }
    }

    /// <summary>A journal that could not be written is tried: nobody else may want to write, and this is how the end of the trouble is noticed.</summary>
    private Task LookAsync(CancellationToken cancellationToken) => journal is SqlJournal { Trouble.Current: not null }
        ? journal.WriteCursorAsync(Cursor, 0, cancellationToken)
        : journal.ReadCursorAsync(Cursor, cancellationToken);
}
