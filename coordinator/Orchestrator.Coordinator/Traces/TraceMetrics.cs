using System.Diagnostics.Metrics;

namespace Orchestrator.Coordinator.Traces;

/// <summary>An operator's view of the traces: what is kept, what is lost and why.</summary>
internal sealed class TraceMetrics
{
    public const string MeterName = "Orchestrator.Traces";

    private readonly Counter<long> _kept;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _forwarded;

    public TraceMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _kept = meter.CreateCounter<long>("orchestrator.traces.spans", "{span}", "Spans written to the trace store.");
        _dropped = meter.CreateCounter<long>("orchestrator.traces.dropped", "{span}", "Spans that found no room, by reason.");
        _forwarded = meter.CreateCounter<long>("orchestrator.traces.forwarded", "{batch}", "Batches sent on to the configured OTLP backend.");
    }

    public void Kept(int spans) => _kept.Add(spans);

    public void Forwarded() => _forwarded.Add(1);

    public void Dropped(int spans, string reason)
    {
        if (spans > 0)
        {
            _dropped.Add(spans, new KeyValuePair<string, object?>("reason", reason));
        }
    }
}
