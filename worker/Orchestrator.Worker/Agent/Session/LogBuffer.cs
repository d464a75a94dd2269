using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>Trainers' lines on their way to the coordinator. Bounded: while nobody fetches them the oldest go, and are counted.</summary>
internal sealed class LogBuffer(int greatestLines, TimeProvider time)
{
    private const int LinesAMessage = 500;

    private readonly Lock gate = new();
    private readonly Queue<Line> lines = new();
    private long dropped;

    /// <summary>Set when a line was added.</summary>
    public Pulse Added { get; } = new();

    public void Add(TaskKey task, string text)
    {
        lock (gate)
        {
            if (lines.Count >= greatestLines)
            {
                lines.Dequeue();
                dropped++;
            }

            lines.Enqueue(new Line(task, text, UnixNano()));
        }

        Added.Set();
    }

    /// <summary>The oldest lines of one task; null where there are none.</summary>
    public TrainerLog? Take()
    {
        lock (gate)
        {
            if (!lines.TryPeek(out var first))
            {
                return null;
            }

            var log = new TrainerLog { Run = first.Task.Run, Generation = first.Task.Generation, Rank = first.Task.Rank };
            if (dropped > 0)
            {
                log.Lines.Add($"({dropped} older lines of this agent's trainers were dropped while the coordinator was away)");
                log.UnixNano.Add(first.UnixNano);
                dropped = 0;
            }

            while (log.Lines.Count < LinesAMessage && lines.TryPeek(out var line) && line.Task == first.Task)
            {
                lines.Dequeue();
                log.Lines.Add(line.Text);
                log.UnixNano.Add(line.UnixNano);
            }

            return log;
        }
    }

    private long UnixNano() => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;

    private readonly record struct Line(TaskKey Task, string Text, long UnixNano);
}
