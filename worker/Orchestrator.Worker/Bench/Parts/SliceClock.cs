using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>Cuts a loop of steps into turns: waits for a count, lets a few steps pass, times that many, says the seconds, and after them what was noted of each step.</summary>
internal sealed class SliceClock
{
    /// <summary>What was prefetched while others had their turn is used up by then, and the caches are ours again.</summary>
    private const int Untimed = 3;

    private readonly List<double> notes = [];
    private int left;
    private int untimed;
    private long began;

    /// <summary>Blocks until the next turn.</summary>
    /// <returns>False where there is none any more.</returns>
    public bool Wait()
    {
        if (Console.ReadLine() is not { } line)
        {
            return false;
        }

        (left, untimed) = (int.Parse(line, CultureInfo.InvariantCulture), Untimed);
        return true;
    }

    /// <summary>A step is done.</summary>
    /// <returns>False after the last one of the last turn.</returns>
    public bool Step()
    {
        if (untimed > 0)
        {
            untimed--;
            notes.Clear();
            began = Stopwatch.GetTimestamp();
            return true;
        }

        if (--left > 0)
        {
            return true;
        }

        double[] said = [Stopwatch.GetElapsedTime(began).TotalSeconds, .. notes];
        Console.WriteLine(string.Join(' ', said.Select(seconds => seconds.ToString("R", CultureInfo.InvariantCulture))));
        return Wait();
    }

    /// <summary>A part of the step that is under way.</summary>
    public void Note(TimeSpan part) => notes.Add(part.TotalSeconds);

    /// <summary>Time that belongs to no step.</summary>
    public void Leave(TimeSpan time) => began += (long)(time.TotalSeconds * Stopwatch.Frequency);
}
