using OpenTelemetry.Trace;

namespace Orchestrator.Coordinator.Observability;

/// <summary>At the host's stop, hands over the spans that still wait in the SDK while the trace store still takes them: services stop in the reverse order of their registration.</summary>
internal sealed class LastSpans(TracerProvider tracing) : IHostedService
{
    private const int TimeoutMilliseconds = 2_000;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        tracing.ForceFlush(TimeoutMilliseconds);
        return Task.CompletedTask;
    }
}
