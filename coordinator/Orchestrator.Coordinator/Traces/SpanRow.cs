namespace Orchestrator.Coordinator.Traces;

/// <summary>A span as it is kept.</summary>
/// <param name="TraceId">32 lower-case hex digits.</param>
/// <param name="SpanId">16 lower-case hex digits.</param>
/// <param name="Parent">Empty for a root.</param>
/// <param name="Attributes">JSON, text to text.</param>
internal sealed record SpanRow(
    string TraceId, string SpanId, string Parent, string Name, string Service, int ProcessId, long StartUnixNano, long EndUnixNano, string Attributes)
{
    /// <summary>What a change of members cost: short, rare, and what one looks for in the trace of a long run.</summary>
    private const string Standstill = "standstill";

    /// <summary>Long spans are a trace's skeleton: trials, generations, epochs. They end after what they hold, so a budget must not shut them out.</summary>
    public bool IsSkeleton => EndUnixNano - StartUnixNano >= 1_000_000_000 || Name == Standstill;
}
