using System.Globalization;
using Orchestrator.V1;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>What a trainer told of a change of members: from its last step before to its first one after.</summary>
/// <param name="Pid">The trainer's process.</param>
internal sealed record Standstill(int Generation, int WorldSize, int Pid, DateTimeOffset Start, DateTimeOffset End)
{
    /// <summary>Of the span.</summary>
    public const string Name = "standstill";

    private const long NanosecondsOfTick = 100;

    public double Milliseconds => (End - Start).TotalMilliseconds;

    public static Standstill Of(TraceSpan span) => new(Number(span, "generation"), Number(span, "world_size"), span.ProcessId, At(span.StartUnixNano), At(span.EndUnixNano));

    private static int Number(TraceSpan span, string name) => int.Parse(span.Attributes[name], CultureInfo.InvariantCulture);

    private static DateTimeOffset At(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / NanosecondsOfTick);
}
