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
            await handler.HandleAsync(context.Message, context.CancellationToken);
            handled = true;
        }

        if (!handled)
        {
            throw new InvalidOperationException($"Nothing in this process handles {typeof(T).Name}.");
        }
    }
}
