namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// Commands for a run that mean something only after those before them: once one of them could not be journalled, none that follows has an effect. Who sent them sends
/// all of them again, in their order.
/// </summary>
internal sealed class CommandOrder
{
    private volatile Exception? broken;

    /// <summary>Why one of them could not be journalled; null while all could.</summary>
    public Exception? Broken => broken;

    public void Break(Exception reason) => broken ??= reason;
}
