using Orchestrator.Control.Runs;

namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// The commands that wait for one run, in the order in which they came. While one batch is being made durable the next gathers, so that a busy run costs one
/// append a batch; different runs do not wait for each other.
/// </summary>
internal sealed class RunMailbox
{
    private readonly Queue<PendingCommand> waiting = new();
    private bool busy;

    /// <summary>True where nobody is at work on the run yet: the caller then is.</summary>
    public bool Add(PendingCommand command)
    {
        lock (waiting)
        {
            waiting.Enqueue(command);
            if (busy)
            {
                return false;
            }

            return busy = true;
        }
    }

    /// <summary>What has gathered; empty ends the work.</summary>
    public IReadOnlyList<PendingCommand> Take()
    {
        lock (waiting)
        {
            PendingCommand[] batch = [.. waiting];
            waiting.Clear();
            busy = batch.Length > 0;
            return batch;
        }
    }
}

/// <param name="Command">Null to be told the state alone.</param>
/// <param name="Order">Null where nothing came before it that it builds on.</param>
internal sealed record PendingCommand(RunCommand? Command, CommandOrder? Order)
{
    public TaskCompletionSource<RunState> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
