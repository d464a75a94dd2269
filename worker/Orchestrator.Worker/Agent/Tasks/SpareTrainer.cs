namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>A trainer without a task: libtorch is loaded, the kernels are warm, and it waits for what to do.</summary>
internal sealed class SpareTrainer
{
    private readonly TaskCompletionSource<AgentTask> taker = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Action<string>? line;

    /// <param name="environment">Decides bits, and so which tasks it can take.</param>
    public SpareTrainer(string socket, string secret, IReadOnlyDictionary<string, string> environment)
    {
        (Secret, Environment) = (secret, environment);
        Process = TrainerProcess.Start(socket, secret, environment, spare: true, text => line?.Invoke(text));
    }

    /// <summary>Names it at the trainers' socket.</summary>
    public string Secret { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public TrainerProcess Process { get; }

    /// <summary>The task that it was given to; never completes where it is not wanted.</summary>
    public Task<AgentTask> Taker => taker.Task;

    /// <param name="lines">Takes its output from here on.</param>
    public TrainerProcess GiveTo(AgentTask task, Action<string> lines)
    {
        line = lines;
        taker.SetResult(task);
        return Process;
    }
}
