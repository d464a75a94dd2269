using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Coordinator.Broker;

namespace Orchestrator.Coordinator.Tests.Broker;

/// <summary>A coordinator as the broker sees it: a bus with handlers that write down what reaches them.</summary>
internal sealed class BrokerPeer : IAsyncDisposable, IMessageHandler<RunTrial>, IMessageHandler<TrialReported>, IMessageHandler<StopTrial>
{
    private readonly ServiceProvider services;

    public BrokerPeer(BrokerOptions options)
    {
        services = new ServiceCollection()
            .AddBroker(options)
            .AddSingleton<IMessageHandler<RunTrial>>(this)
            .AddSingleton<IMessageHandler<TrialReported>>(this)
            .AddSingleton<IMessageHandler<StopTrial>>(this)
            .BuildServiceProvider();
        Broker = services.GetRequiredService<MessageBroker>();
    }

    public MessageBroker Broker { get; }

    public ConcurrentQueue<object> Received { get; } = [];

    /// <summary>Runs before a message is written down; the acknowledgement waits for it.</summary>
    public Func<object, CancellationToken, Task> Work { get; set; } = (_, _) => Task.CompletedTask;

    public static RunTrial Trial(int number) => new("s-1", number, 1, $"r-{number}", "{}", "sha", 0);

    public IEnumerable<int> Trials() => Received.OfType<RunTrial>().Select(message => message.Trial);

    public Task HandleAsync(RunTrial message, CancellationToken cancellationToken) => TakeAsync(message, cancellationToken);

    public Task HandleAsync(TrialReported message, CancellationToken cancellationToken) => TakeAsync(message, cancellationToken);

    public Task HandleAsync(StopTrial message, CancellationToken cancellationToken) => TakeAsync(message, cancellationToken);

    public ValueTask DisposeAsync() => services.DisposeAsync();

    private async Task TakeAsync(object message, CancellationToken cancellationToken)
    {
        await Work(message, cancellationToken);
        Received.Enqueue(message);
    }
}
