using System.Diagnostics;

namespace Orchestrator.Training;

/// <summary>Samples per second over about the last second.</summary>
internal sealed class Throughput
{
    private long since = Stopwatch.GetTimestamp();
    private long samples;

    public double PerSecond { get; private set; }

    public void Add(int count)
    {
        samples += count;
        var elapsed = Stopwatch.GetElapsedTime(since);
        if (elapsed >= TimeSpan.FromSeconds(1) || PerSecond == 0)
        {
            PerSecond = samples / elapsed.TotalSeconds;
        }

        if (elapsed >= TimeSpan.FromSeconds(1))
        {
            (since, samples) = (Stopwatch.GetTimestamp(), 0);
        }
    }
}
