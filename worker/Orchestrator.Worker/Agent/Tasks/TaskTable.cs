using Orchestrator.Specs;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>The tasks of this agent. Orders may come twice, late, or for a generation that is over: only what is new has an effect.</summary>
internal sealed partial class TaskTable(AgentContext context, ILogger<TaskTable> log)
{
    private const int RememberedEnds = 1024;

    private readonly Lock gate = new();
    private readonly Dictionary<TaskKey, AgentTask> tasks = [];
    private readonly HashSet<(TaskKey Key, bool EvaluatesTest)> ended = [];
    private readonly Queue<(TaskKey Key, bool EvaluatesTest)> endedOrder = new();
    private EndReason? closing;

    /// <summary>Set when there is something to be told with a heartbeat at once.</summary>
    public Pulse Urgent => context.Urgent;

    public void Assign(AssignTask assignment)
    {
        var key = TaskKey.Of(assignment);
        lock (gate)
        {
            var admission = Admission.Of(assignment, [.. tasks.Values.Select(task => (task.Key, task.EvaluatesTest))], ended.Contains);
            if (admission.IsStale)
            {
                LogStale(log, key);
            }

            if (closing is not null || !admission.Starts)
            {
                return;
            }

            foreach (var older in admission.Fenced)
            {
                tasks[older].Kill(EndReason.Fenced);
            }

            var after = Task.WhenAll(tasks.Values.Where(other => other.Slot == assignment.Slot && other.Dying).Select(other => other.Vacated));
            var task = AgentTask.Start(context, assignment, after);
            tasks[key] = task;
            _ = ForgetAsync(task);
        }
    }

    public void Begin(BeginGeneration begin)
    {
        foreach (var task in Find(key => begin.Task is { } named ? key == TaskKey.Of(named) : key.Run == begin.Run && key.Generation == begin.Generation))
        {
            task.Begin(begin);
        }
    }

    public void Stop(StopTask stop)
    {
        foreach (var task in Find(key => key == TaskKey.Of(stop.Task)))
        {
            if (stop.Gracefully)
            {
                task.StopGracefully(stop);
            }
            else if (stop.Hangs)
            {
                task.EndStill(EndReason.Stopped, "no progress");
            }
            else
            {
                task.Kill(EndReason.Stopped);
            }
        }
    }

    public void Fence(TaskKey fenced)
    {
        foreach (var task in Find(key => key == fenced))
        {
            task.Kill(EndReason.Fenced);
        }
    }

    public AgentTask? FindBySecret(string secret)
    {
        lock (gate)
        {
            return tasks.Values.FirstOrDefault(task => task.Secret == secret);
        }
    }

    public IReadOnlyList<RunningTask> Running() => [.. Find(_ => true).Select(task => task.Running())];

    public IReadOnlyList<TaskProgress> Progress() => [.. Find(_ => true).Select(task => task.Progress())];

    /// <summary>Once a second: how much memory the trainers have, and whether one may be started for the next task.</summary>
    public void Look()
    {
        var running = Find(_ => true);
        foreach (var task in running)
        {
            task.LookAtMemory();
        }

        context.Spares.LetGo();
        if (!running.Any(task => task.IsYoung))
        {
            context.Spares.Keep(() => TrainerEnvironment.Create(context.Options, new TrainingSpec()));
        }
    }

    /// <summary>Ten times a second, as long as this agent is on time.</summary>
    public void LookAtLife()
    {
        foreach (var task in Find(_ => true))
        {
            task.LookAtLife();
        }
    }

    /// <summary>Takes no more tasks, and completes when those that run have ended by themselves.</summary>
    public Task LetEndAsync()
    {
        lock (gate)
        {
            closing ??= EndReason.Preempted;
        }

        return Task.WhenAll(Find(_ => true).Select(task => task.Ended));
    }

    /// <summary>Nobody takes over from those that still run: completes when they have written down what they have, as far as they can, and ended.</summary>
    /// <param name="alone">Without their peers.</param>
    public Task LeaveAsync(bool alone)
    {
        var running = Find(_ => true);
        foreach (var task in running)
        {
            task.Leave(alone);
        }

        return Task.WhenAll(running.Select(task => task.Ended));
    }

    /// <summary>Takes no more tasks, ends those that run, and completes when no process is left.</summary>
    public Task EndAllAsync(EndReason reason)
    {
        lock (gate)
        {
            closing ??= reason;
        }

        var running = Find(_ => true);
        foreach (var task in running)
        {
            task.Kill(reason);
        }

        return Task.WhenAll([.. running.Select(task => task.Ended), context.Spares.CloseAsync()]);
    }

    private async Task ForgetAsync(AgentTask task)
    {
        await task.Ended;
        lock (gate)
        {
            if (tasks.TryGetValue(task.Key, out var current) && current == task)
            {
                tasks.Remove(task.Key);
            }

            if (ended.Add((task.Key, task.EvaluatesTest)))
            {
                endedOrder.Enqueue((task.Key, task.EvaluatesTest));
            }

            if (endedOrder.Count > RememberedEnds)
            {
                ended.Remove(endedOrder.Dequeue());
            }
        }
    }

    private IReadOnlyList<AgentTask> Find(Func<TaskKey, bool> wanted)
    {
        lock (gate)
        {
            return [.. tasks.Values.Where(task => wanted(task.Key))];
        }
    }

    [LoggerMessage(LogLevel.Warning, "{task} is not started: a newer generation runs here")]
    private static partial void LogStale(ILogger logger, TaskKey task);
}
