namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>A trainer without a task, fresh or from an earlier one: libtorch is loaded, the kernels are warm, and it waits for what to do.</summary>
internal sealed class SpareTrainer
{
    private static readonly TimeSpan GoingDeadline = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource<AttachTrainer> taker = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="environment">Decides bits, and so which tasks it can take.</param>
    /// <param name="since">A timestamp: when it began to wait.</param>
    public SpareTrainer(TrainerProcess process, string secret, IReadOnlyDictionary<string, string> environment, long since) =>
        (Process, Secret, Environment, Since) = (process, secret, environment, since);

    public TrainerProcess Process { get; }

    /// <summary>Names it at the trainers' socket.</summary>
    public string Secret { get; }

    public IReadOnlyDictionary<string, string> Environment { get; }

    public long Since { get; }

    public bool IsTaken => taker.Task.IsCompletedSuccessfully;

    /// <summary>Waits for the task that it is given to; null where it was dismissed.</summary>
    public async Task<AttachTrainer?> TakerAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAny(taker.Task, Task.Delay(Timeout.Infinite, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        return IsTaken ? await taker.Task : null;
    }

    /// <summary>Sends it away, and returns once it is gone. Killed at once it would leave the files of its runtime behind.</summary>
    public async Task DismissAsync()
    {
        taker.TrySetCanceled();
        if (await Task.WhenAny(Process.Exited, Task.Delay(GoingDeadline)) != Process.Exited)
        {
            Process.Kill();
        }

        await Process.Exited;
    }

    /// <param name="lines">Takes its output from here on.</param>
    public TrainerProcess GiveTo(AttachTrainer attach, Action<string> lines)
    {
        Process.Serve(lines);
        taker.SetResult(attach);
        return Process;
    }
}
