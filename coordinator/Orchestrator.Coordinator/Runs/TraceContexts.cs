using System.Diagnostics;
using System.Runtime.CompilerServices;
using Orchestrator.Control.Runs;

namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// Spans of what lasts longer than a process may live. Their identifiers are chosen and journalled when they begin, so that children can name them, and they are written
/// when they are complete, by whichever coordinator sees their end.
/// </summary>
internal static class TraceContexts
{
    public static readonly ActivitySource Source = new("Orchestrator.Coordinator");

    public static string NewSpanId() => ActivitySpanId.CreateRandom().ToHexString();

    /// <summary>The context that a run begins in; a new trace where nobody traces.</summary>
    public static string Current() => Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id }
        ? id
        : $"00-{ActivityTraceId.CreateRandom().ToHexString()}-{NewSpanId()}-01";

    /// <summary>Of a W3C trace context; empty where it is none.</summary>
    public static string TraceIdOf(string traceParent) => ActivityContext.TryParse(traceParent, null, out var context) ? context.TraceId.ToHexString() : "";

    /// <summary>The context of a span of the run's trace.</summary>
    public static string Within(RunState state, string spanId) => ActivityContext.TryParse(state.TraceParent, null, out var parent)
        ? $"00-{parent.TraceId.ToHexString()}-{spanId}-{(parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? "01" : "00")}"
        : "";

    /// <summary>Writes a span that has ended; nothing happens where nobody listens or the trace is not sampled.</summary>
    public static void Write(string name, string parent, string spanId, DateTimeOffset start, DateTimeOffset end, RunState state, int generation = 0, string error = "")
    {
        if (!ActivityContext.TryParse(parent, null, isRemote: true, out var context))
        {
            return;
        }

        // Not a child of whatever happens to be under way on this thread.
        var around = Activity.Current;
        Activity.Current = null;
        using (var span = Source.StartActivity(name, ActivityKind.Internal, context, startTime: start))
        {
            if (span is not null)
            {
                SpanIdOf(span) = spanId;
                span.SetTag("run", state.Id);
                if (state.Trial is { } trial)
                {
                    span.SetTag("sweep", trial.Sweep).SetTag("trial", trial.Number);
                }

                if (generation > 0)
                {
                    span.SetTag("generation", generation);
                }

                if (error.Length > 0)
                {
                    span.SetStatus(ActivityStatusCode.Error, error);
                }

                span.SetEndTime(end.UtcDateTime);
            }
        }

        Activity.Current = around;
    }

    /// <summary>The platform has no way to give a span an identifier that was handed out before; a test holds this to the runtime's field.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spanId")]
    private static extern ref string? SpanIdOf(Activity activity);
}
