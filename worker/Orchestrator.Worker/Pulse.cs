namespace Orchestrator.Worker;

/// <summary>Wakes all who wait. Take <see cref="Next"/> before looking at the condition, then await it: no wake-up is missed.</summary>
internal sealed class Pulse
{
    private TaskCompletionSource source = Create();

    public Task Next => Volatile.Read(ref source).Task;

    public void Set() => Interlocked.Exchange(ref source, Create()).TrySetResult();

    private static TaskCompletionSource Create() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
