using System.Diagnostics;

namespace Orchestrator.Collectives;

/// <summary>
/// How long to look before falling asleep. As it was, so it will be: ranks that run side by side wait little and look, those that take
/// turns on a core, or wait for a slow one, sleep almost at once.
/// </summary>
internal struct Patience
{
    /// <summary>To fall asleep and be woken takes about as long, on a virtual machine.</summary>
    private static readonly long Short = Stopwatch.Frequency / 10_000;
    private static readonly long Least = Stopwatch.Frequency / 1_000_000;
    private static readonly bool HasCores = Environment.ProcessorCount > 1;

    private long allowed;

    /// <param name="began">When the waiting began.</param>
    public readonly bool Lasts(long began) => HasCores && Stopwatch.GetTimestamp() - began < allowed;

    /// <summary>The waiting is over.</summary>
    public void Learn(long began) => allowed = Stopwatch.GetTimestamp() - began < Short
        ? Math.Clamp(allowed * 2, Least, Short)
        : Math.Max(Least, allowed / 2);
}
