using MassTransit;

namespace Orchestrator.Coordinator.Broker;

/// <summary>Hands a delivery to every handler of its message; MassTransit acknowledges it when the last has returned.</summary>
internal sealed class HandlerConsumer<T>(IServiceScopeFactory scopes) : IConsumer<T>
    where T : class
{
    public async Task Consume(ConsumeContext<T> context)
    {
        await using var scope = scopes.CreateAsyncScope();
        var handled = false;
        foreach (var handler in scope.ServiceProvider.GetServices<IMessageHandler<T>>())
        {
            // Cancelled once a stop has waited long enough: a handler that does not listen would keep the connection, and with it the delivery, from the next process.
            await handler.HandleAsync(context.Message, context.CancellationToken).WaitAsync(context.CancellationToken);
            handled = true;
        }

        if (!handled)
        {
            throw new InvalidOperationException($"Nothing in this process handles {typeof(T).Name}.");
        }
    }
}
