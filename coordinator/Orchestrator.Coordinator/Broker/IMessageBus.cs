namespace Orchestrator.Coordinator.Broker;

/// <summary>Sends a message of <c>Messages.cs</c> to the queue of the role that handles it. Real brokers and the embedded one behave alike.</summary>
public interface IMessageBus
{
    /// <summary>Returns once the broker has it.</summary>
    Task SendAsync<T>(T message, CancellationToken cancellationToken)
        where T : class;
}

/// <summary>Handles a message; returning acknowledges it, so its effect must stand in the journal by then. Called again for the same message at any time.</summary>
public interface IMessageHandler<in T>
    where T : class
{
    Task HandleAsync(T message, CancellationToken cancellationToken);
}
