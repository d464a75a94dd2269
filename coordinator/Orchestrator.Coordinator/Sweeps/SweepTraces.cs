using System.Diagnostics;
using Orchestrator.Control.Sweeps;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>A sweep is one trace, that of the call that submitted it.</summary>
internal static class SweepTraces
{
    private static readonly ActivitySource Source = new("Orchestrator.Coordinator");

    /// <summary>The span that a trial's run hangs from. Asking again for a trial that already runs is no span of its own, but stays in the trace.</summary>
    public static Activity? StartTrial(string? traceParent, Trial trial, string run)
    {
        if (!ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent))
        {
            return null;
        }

        if (trial.Status != TrialStatus.Pending)
        {
            return new Activity("trial").SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start();
        }

        return Source.StartActivity("trial", ActivityKind.Internal, parent)?
            .SetTag("trial", trial.Number)
            .SetTag("attempt", trial.Attempt)
            .SetTag("run", run);
    }

    /// <summary>Empty where the sweep was not traced.</summary>
    public static string TraceIdOf(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, out var parent) ? parent.TraceId.ToHexString() : "";
}
