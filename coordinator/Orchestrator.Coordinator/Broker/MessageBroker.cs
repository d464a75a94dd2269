using System.Runtime.Serialization;
using System.Text.Json;
using MassTransit;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Orchestrator.Coordinator.Broker;

/// <summary>
/// The messages between the two roles over MassTransit: RabbitMQ with quorum queues, or memory. It connects again by itself; trace context travels in the
/// headers (activity source <c>MassTransit</c>).
/// </summary>
public sealed class MessageBroker : IMessageBus, IDeadLetters, IHostedService, IAsyncDisposable
{
    /// <summary>Beyond <see cref="BrokerOptions.StopTimeout"/>: to hang up properly once handlers were cancelled.</summary>
    private static readonly TimeSpan HangUp = TimeSpan.FromSeconds(5);

    private readonly BrokerOptions options;
    private readonly BusTopology topology;
    private readonly RabbitMqProbe? probe;
    private readonly IBusControl bus;
    private readonly FaultCount faults = new();
    private readonly ResiliencePipeline sending;
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string where;
    private int running;

    /// <exception cref="BrokerException">broker-address</exception>
    public MessageBroker(BrokerOptions options, IServiceScopeFactory scopes, ILoggerFactory logs)
    {
        this.options = options;
        topology = new BusTopology(options, scopes);
        LogContext.ConfigureCurrentLogContext(logs);
        if (options.Address == BrokerOptions.InMemory)
        {
            where = "in memory";
            bus = topology.InMemory();
        }
        else
        {
            var address = BrokerAddress.Parse(options.Address);
            where = address.ToString();
            probe = new RabbitMqProbe(address, options.ConnectTimeout);
            bus = topology.RabbitMq(address);
        }

        bus.ConnectReceiveObserver(faults);
        sending = new ResiliencePipelineBuilder()
            .AddTimeout(options.SendTimeout)
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = arguments => ValueTask.FromResult(
                    arguments.Outcome.Exception is { } exception and not (SerializationException or JsonException or NotSupportedException)
                    && !arguments.Context.CancellationToken.IsCancellationRequested),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(50),
                MaxDelay = TimeSpan.FromSeconds(1),
            })
            .Build();
    }

    /// <summary>Whether messages go both ways now.</summary>
    public bool IsConnected => bus.CheckHealth().Status is BusHealthStatus.Healthy;

    /// <summary>Connects, makes the queues and begins to consume; returns once nothing that is sent can be lost.</summary>
    /// <exception cref="BrokerException">broker-denied, broker-unreachable</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref running, 1) == 1)
        {
            return;
        }

        try
        {
            if (probe is not null)
            {
                // MassTransit would try for ever and say nothing.
                await probe.DeclareAsync(DeadLetterQueues, cancellationToken);
            }

            await StartBusAsync(cancellationToken);
            started.TrySetResult();
        }
        catch
        {
            Volatile.Write(ref running, 0);
            throw;
        }
    }

    /// <summary>Waits for the handlers at work, within <see cref="BrokerOptions.StopTimeout"/>; then they are cancelled, and their messages are free for the next process.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref running, 0) == 0)
        {
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.StopTimeout + HangUp);
        try
        {
            await bus.StopAsync(patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            // What is not acknowledged by now is delivered again to whoever comes next.
        }
    }

    /// <inheritdoc/>
    /// <exception cref="BrokerUnavailableException">It was away for <see cref="BrokerOptions.SendTimeout"/>.</exception>
    public async Task SendAsync<T>(T message, CancellationToken cancellationToken)
        where T : class
    {
        var queue = new Uri($"exchange:{topology.QueueOf(typeof(T))}");
        try
        {
            await sending.ExecuteAsync(
                async token =>
                {
                    await started.Task.WaitAsync(token);
                    var endpoint = await bus.GetSendEndpoint(queue).WaitAsync(token);
                    await endpoint.Send(message, Pipe.Execute<SendContext<T>>(RequireQueue), token).WaitAsync(token);
                },
                cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutRejectedException || (exception is not OperationCanceledException && IsBroker(exception)))
        {
            throw new BrokerUnavailableException($"The broker {where} did not take a {typeof(T).Name} within {options.SendTimeout.TotalSeconds} s.", exception);
        }
    }

    /// <inheritdoc/>
    public Task<long> CountAsync(CancellationToken cancellationToken) =>
        probe is null ? Task.FromResult(faults.Value) : probe.CountAsync(DeadLetterQueues, cancellationToken);

    private IEnumerable<string> DeadLetterQueues =>
        ((string[])[options.SweepsQueue, options.RunsQueue]).SelectMany(queue => (string[])[$"{queue}_error", $"{queue}_skipped"]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    private async Task StartBusAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.ConnectTimeout * 3);
        try
        {
            await bus.StartAsync(patience.Token);
        }
        catch (Exception exception) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw RabbitMqProbe.NotMade(where, $"{options.SweepsQueue} and {options.RunsQueue}", exception);
        }
    }

    /// <summary>A message that reaches no queue is refused instead of dropped.</summary>
    private static void RequireQueue<T>(SendContext<T> context)
        where T : class
    {
        if (context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
        {
            rabbit.Mandatory = true;
        }
    }

    private static bool IsBroker(Exception exception) => exception is MassTransitException or RabbitMQ.Client.Exceptions.RabbitMQClientException;
}
