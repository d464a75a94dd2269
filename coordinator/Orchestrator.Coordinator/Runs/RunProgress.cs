using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What heartbeats tell of a generation that works: in memory only, told again every second.</summary>
internal sealed class RunProgress(int generation, TimeProvider time)
{
    private const int TimedSteps = 32;

    /// <summary>What an agent told longer ago may not be so any more.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly Dictionary<int, (TaskProgress Progress, long At)> ranks = [];
    private readonly Queue<double> stepSeconds = new();
    private (long Step, long At) lastStep;
    private long? droppedAt;
    private long? cutAt;
    private IReadOnlyCollection<int> absentees = [];

    public int Generation => generation;

    /// <summary>The last step that any member was heard at.</summary>
    public long Step { get; private set; }

    public int Epoch { get; private set; }

    /// <summary>Of the whole gang.</summary>
    public double SamplesPerSecond { get; private set; }

    /// <param name="rank">In this generation.</param>
    public void Hear(TaskProgress progress, int rank)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            ranks[rank] = (progress, now);
            SamplesPerSecond = rank == 0 ? progress.SamplesPerSecond : SamplesPerSecond;
            Epoch = Math.Max(Epoch, progress.Epoch);
            Step = Math.Max(Step, progress.Step);
            // By heartbeats alone: where steps are short, reports of them are ahead.
            if (progress.Step <= lastStep.Step)
            {
                return;
            }

            if (lastStep.At != 0 && progress.Phase is "training" or "waiting")
            {
                stepSeconds.Enqueue(time.GetElapsedTime(lastStep.At, now).TotalSeconds / (progress.Step - lastStep.Step));
                if (stepSeconds.Count > TimedSteps)
                {
                    stepSeconds.Dequeue();
                }
            }

            lastStep = (progress.Step, now);
        }
    }

    public void Reached(long step)
    {
        lock (gate)
        {
            Step = Math.Max(Step, step);
        }
    }

    /// <summary>Null where no step was timed.</summary>
    public TimeSpan? MedianStep()
    {
        lock (gate)
        {
            return stepSeconds.Count == 0 ? null : TimeSpan.FromSeconds(stepSeconds.Order().ElementAt(stepSeconds.Count / 2));
        }
    }

    public IReadOnlyList<RankPulse> Pulses()
    {
        lock (gate)
        {
            return [.. ranks.Select(rank => new RankPulse(rank.Key, rank.Value.Progress.Phase,
                TimeSpan.FromMilliseconds(rank.Value.Progress.SilentMilliseconds), TimeSpan.FromMilliseconds(rank.Value.Progress.StalledMilliseconds)))];
        }
    }

    /// <summary>That the rank was last heard at; 0 where it was not.</summary>
    public long StepOf(int rank)
    {
        lock (gate)
        {
            return ranks.TryGetValue(rank, out var heard) ? heard.Progress.Step : 0;
        }
    }

    /// <summary>Seconds of own work that the rank takes for a shard; 0 where it is not known yet.</summary>
    public double PaceOf(int rank)
    {
        lock (gate)
        {
            return ranks.TryGetValue(rank, out var heard) ? heard.Progress.ShardSeconds : 0;
        }
    }

    /// <summary>Bytes that a shard's forward pass keeps on the rank; 0 where it is not known.</summary>
    public long ActivationsOf(int rank)
    {
        lock (gate)
        {
            return ranks.TryGetValue(rank, out var heard) ? heard.Progress.ActivationBytes : 0;
        }
    }

    public RankPulse? PulseOf(int rank) => Pulses().Where(pulse => pulse.Rank == rank).Select(pulse => (RankPulse?)pulse).FirstOrDefault();

    /// <summary>How long a member has blamed another; starts with the first call.</summary>
    public TimeSpan DroppedFor()
    {
        lock (gate)
        {
            droppedAt ??= time.GetTimestamp();
            return time.GetElapsedTime(droppedAt.Value);
        }
    }

    /// <summary>Whom ranks that wait do not hear. Who computes does not need anybody yet.</summary>
    public IReadOnlyList<Silence> Silences()
    {
        lock (gate)
        {
            return [.. ranks.OrderBy(rank => rank.Key)
                .Where(rank => rank.Value.Progress is { Phase: not ("training" or "loading"), Unheard: { } unheard } && unheard.Generation == generation && time.GetElapsedTime(rank.Value.At) < Fresh)
                .SelectMany(rank => rank.Value.Progress.Unheard.Ranks.Select(peer => new Silence(rank.Key, peer)))];
        }
    }

    /// <summary>
    /// How long some have not heard others; starts with the first call that says so, and again when a rank is back whose machine stood still: who waited for it has yet to say that it hears it.
    /// </summary>
    /// <param name="silences">By rank in the generation.</param>
    /// <param name="absent">The peers among them of whom nobody hears anything.</param>
    public TimeSpan CutFor(IReadOnlyCollection<Silence> silences, IReadOnlyCollection<int> absent)
    {
        lock (gate)
        {
            var isBack = absentees.Except(absent).Any(rank => silences.Any(silence => silence.Peer == rank));
            absentees = absent;
            cutAt = silences.Count == 0 ? null : isBack ? time.GetTimestamp() : cutAt ?? time.GetTimestamp();
            return cutAt is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;
        }
    }
}
