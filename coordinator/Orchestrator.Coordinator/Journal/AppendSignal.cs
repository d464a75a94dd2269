namespace Orchestrator.Coordinator.Journal;

/// <summary>Wakes everyone who follows the journal.</summary>
internal sealed class AppendSignal
{
    private TaskCompletionSource next = New();

    /// <summary>Ends with the next append. Take it before reading, so that no append falls between.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    public void Raise() => Interlocked.Exchange(ref next, New()).TrySetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
