namespace Orchestrator.Coordinator.Broker;

/// <summary>Messages that no handler could take, put aside for a person to look at.</summary>
public interface IDeadLetters
{
    /// <summary>How many lie in both queues' <c>_error</c> and <c>_skipped</c>; since the start, where the transport is in memory.</summary>
    /// <exception cref="BrokerException">The broker cannot be asked.</exception>
    Task<long> CountAsync(CancellationToken cancellationToken);
}
