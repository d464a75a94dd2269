using OpenTelemetry.Proto.Trace.V1;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Where all spans come in, from other processes and our own: into the store, and on to the backend where one is configured.</summary>
internal sealed class TraceIntake(TraceStore store, TraceForwarder? forwarder = null)
{
    /// <returns>How many spans were refused for their identifiers.</returns>
    public int Take(ResourceSpans spans)
    {
        var (rows, rejected) = SpanReader.Read(spans);
        foreach (var row in rows)
        {
            store.Offer(row);
        }

        forwarder?.Offer(spans);
        return rejected;
    }
}
