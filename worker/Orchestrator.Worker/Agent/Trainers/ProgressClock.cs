using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>What a trainer last said of its progress, and how long ago.</summary>
internal sealed class ProgressClock(TaskKey key, TimeProvider time)
{
    /// <summary>Who is silent itself says nothing about others.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly TaskProgress last = new() { Run = key.Run, Generation = key.Generation, Rank = key.Rank, Phase = "loading" };
    private long heard = time.GetTimestamp();
    private long changed = time.GetTimestamp();
    private bool spoken;
    private int held;

    public void Started(int pid)
    {
        lock (gate)
        {
            last.Pid = pid;
            heard = changed = time.GetTimestamp();
        }
    }

    /// <summary>A sign of life.</summary>
    public void Heard()
    {
        lock (gate)
        {
            heard = time.GetTimestamp();
        }
    }

    /// <summary>A report shows what it is doing, as long as it has not said so itself: progress is sampled, and a trainer can freeze before its first word.</summary>
    public void Reported(string phase)
    {
        lock (gate)
        {
            heard = time.GetTimestamp();
            if (!spoken && last.Phase != phase)
            {
                (last.Phase, changed) = (phase, heard);
            }
        }
    }

    /// <returns>Whether it hears other peers than it did: the coordinator waits for that.</returns>
    public bool Heard(TaskProgress progress)
    {
        lock (gate)
        {
            heard = time.GetTimestamp();
            spoken = true;
            // In an evaluation each word of the training thread is a batch.
            if (progress.Step != last.Step || progress.Epoch != last.Epoch || progress.Phase != last.Phase || (progress.Words != last.Words && progress.Phase is "evaluating" or "joining"))
            {
                changed = heard;
            }

            (last.Step, last.Epoch, last.Phase, last.SamplesPerSecond, last.ShardSeconds, last.ActivationBytes, last.Words) =
                (progress.Step, progress.Epoch, progress.Phase, progress.SamplesPerSecond, progress.ShardSeconds, progress.ActivationBytes, progress.Words);
            var changes = !Equals(last.Unheard, progress.Unheard);
            last.Unheard = progress.Unheard?.Clone();
            return changes;
        }
    }

    /// <summary>While the agent itself keeps the trainer waiting, its silence is ours.</summary>
    public void Hold(bool on) => held = on ? 1 : 0;

    public TaskProgress Read()
    {
        lock (gate)
        {
            var now = last.Clone();
            // Until it is ready the runtime and libtorch load: only standing still counts there.
            now.SilentMilliseconds = held != 0 || last.Phase == "loading" ? 0 : Since(heard);
            if (now.SilentMilliseconds > Stale.TotalMilliseconds)
            {
                now.Unheard = null;
            }

            now.StalledMilliseconds = held != 0 ? 0 : Since(changed);
            return now;
        }
    }

    private long Since(long timestamp) => (long)time.GetElapsedTime(timestamp).TotalMilliseconds;
}
