namespace Orchestrator.Simulation.Tests;

/// <summary>
/// What happens, one thing after the other, in the order of a virtual clock; at the same time in the order in which it was asked for. One seed decides every draw, one thread runs everything: the same
/// seed is the same history.
/// </summary>
internal sealed class VirtualWorld(int seed)
{
    private const int LinesKept = 400;

    private readonly PriorityQueue<Action, (long At, long Order)> coming = new();
    private readonly Queue<string> lines = new();
    private long order;
    private ulong history = 14695981039346656037;

    public Random Random { get; } = new(seed);

    /// <summary>Ticks since the beginning.</summary>
    public long Now { get; private set; }

    public TimeSpan Elapsed => new(Now);

    public int Thread { get; } = Environment.CurrentManagedThreadId;

    /// <summary>Of everything that was said: equal histories have equal ones.</summary>
    public ulong History => history;

    public IReadOnlyCollection<string> Lines => lines;

    /// <summary>What was found wrong first.</summary>
    public Violation? Violation { get; private set; }

    public void At(long time, Action action) => coming.Enqueue(action, (Math.Max(time, Now), order++));

    public void After(TimeSpan delay, Action action) => At(Now + delay.Ticks, action);

    /// <summary>In a process, should it still live by then; one that is frozen does it once it thaws.</summary>
    public void After(TimeSpan delay, Process process, Action action) => After(delay, () => process.Do(action));

    public Task Delay(Process process, TimeSpan delay)
    {
        var done = new TaskCompletionSource();
        After(delay, process, done.SetResult);
        return done.Task;
    }

    public TimeSpan Between(double leastMilliseconds, double mostMilliseconds) =>
        TimeSpan.FromMilliseconds(leastMilliseconds + (Random.NextDouble() * (mostMilliseconds - leastMilliseconds)));

    /// <summary>Until it is so, something is found wrong, or the time is over.</summary>
    public void Run(Func<bool> until, TimeSpan limit)
    {
        while (Violation is null && !until() && coming.TryDequeue(out var action, out var when))
        {
            if (when.At > limit.Ticks)
            {
                return;
            }

            Now = when.At;
            try
            {
                action();
            }
            catch (Exception exception)
            {
                Violate(exception as Violation ?? new Violation("something threw", exception));
            }
        }
    }

    public void Violate(Violation violation)
    {
        Say($"VIOLATION: {violation.Message}");
        Violation ??= violation;
    }

    /// <summary>The first thing that goes wrong in a task nobody waits for ends the simulation.</summary>
    public void Watch(Task task) => _ = task.ContinueWith(
        static (failed, world) => ((VirtualWorld)world!).Violate(failed.Exception!.InnerException as Violation ?? new Violation("something threw", failed.Exception!.InnerException!)),
        this,
        CancellationToken.None,
        TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    public void Say(string line)
    {
        foreach (var character in line)
        {
            history = (history ^ character) * 1099511628211;
        }

        history = (history ^ (ulong)Now) * 1099511628211;
        lines.Enqueue($"{Elapsed.TotalSeconds,9:0.0000}  {line}");
        if (lines.Count > LinesKept)
        {
            lines.Dequeue();
        }
    }
}

/// <summary>A promise that was broken.</summary>
public sealed class Violation(string message, Exception? inner = null) : Exception(inner is null ? message : $"{message}: {inner}", inner);
