namespace Orchestrator.Coordinator.Broker;

/// <summary>Registers the broker.</summary>
public static class BrokerSetup
{
    /// <summary><see cref="IMessageBus"/>, <see cref="IDeadLetters"/> and the <see cref="MessageBroker"/> behind both. Register the handlers beside it.</summary>
    public static IServiceCollection AddBroker(this IServiceCollection services, BrokerOptions options)
    {
        services.AddLogging();
        services.AddSingleton(provider =>
            new MessageBroker(options, provider.GetRequiredService<IServiceScopeFactory>(), provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<IMessageBus>(provider => provider.GetRequiredService<MessageBroker>());
        services.AddSingleton<IDeadLetters>(provider => provider.GetRequiredService<MessageBroker>());
        if (options.StartWithHost)
        {
            services.AddHostedService(provider => provider.GetRequiredService<MessageBroker>());
        }

        return services;
    }
}
