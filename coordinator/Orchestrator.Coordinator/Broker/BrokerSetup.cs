using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Coordinator.Broker;

/// <summary>Registers the broker.</summary>
public static class BrokerSetup
{
    /// <summary>What <see cref="AddBroker"/> adds, and who looks after it in a coordinator: the count of its dead letters, and its health. Needs <c>AddApi</c>.</summary>
    internal static IServiceCollection AddWatchedBroker(this IServiceCollection services, BrokerOptions options)
    {
        services.AddBroker(options);
        services.AddHostedService<BrokerWatch>();
        services.AddHealthChecks().AddCheck<BrokerCheck>("broker", tags: [HealthTags.Ready]);
        return services;
    }

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
