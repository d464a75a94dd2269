namespace Orchestrator.Training;

/// <summary>How long this rank takes for a shard: the median over the last steps, which one late step does not change.</summary>
internal sealed class ShardPace
{
    private const int Kept = 15;

    /// <summary>Fewer say little.</summary>
    private const int Least = 5;

    private readonly Queue<double> seconds = new();

    /// <summary>0 while it is not known.</summary>
    public double Seconds { get; private set; }

    /// <param name="work">Of one step, waiting for peers left out.</param>
    public void Add(TimeSpan work, int shards)
    {
        if (shards == 0)
        {
            return;
        }

        seconds.Enqueue(work.TotalSeconds / shards);
        if (seconds.Count > Kept)
        {
            seconds.Dequeue();
        }

        Seconds = seconds.Count < Least ? 0 : seconds.Order().ElementAt(seconds.Count / 2);
    }
}
