using System.Text.Json.Serialization;
using MassTransit;
using MassTransit.RabbitMqTransport.Configuration;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Broker;

/// <summary>Which message goes to which queue, and how the queues are made on either transport.</summary>
internal sealed class BusTopology(BrokerOptions options, IServiceScopeFactory scopes)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>The queue of the role that handles the message.</summary>
    public string QueueOf(Type message) =>
        message == typeof(RunTrial) || message == typeof(StopTrial) || message == typeof(ScoreTrial) || message == typeof(ReleaseTrial)
            ? options.RunsQueue
            : message == typeof(TrialStarted) || message == typeof(TrialReported) || message == typeof(TrialFinished) || message == typeof(TrialScored)
                ? options.SweepsQueue
                : throw new ArgumentException($"{message.Name} is not a message between the roles.", nameof(message));

    public IBusControl InMemory() => Bus.Factory.CreateUsingInMemory(bus =>
    {
        Configure(bus);
        bus.ReceiveEndpoint(options.RunsQueue, endpoint => InMemory(endpoint, ConsumeRuns));
        bus.ReceiveEndpoint(options.SweepsQueue, endpoint => InMemory(endpoint, ConsumeSweeps));
    });

    public IBusControl RabbitMq(BrokerAddress address)
    {
        // What RabbitMqBusFactory does, and one thing that it leaves no way to say: handlers still at work after so long are cancelled, before the stop itself gives
        // up. A stop that gives up leaves the connection open, and with it what is not acknowledged out of the next process's reach.
        var configuration = new RabbitMqBusConfiguration(new RabbitMqTopologyConfiguration(RabbitMqBusFactory.CreateMessageTopology()));
        configuration.HostConfiguration.ConsumerStopTimeout = options.StopTimeout;
        var bus = new RabbitMqBusFactoryConfigurator(configuration);
        bus.Host(address.Host, (ushort)address.Port, address.VirtualHost, host =>
        {
            host.Username(address.User);
            host.Password(address.Password);
            host.PublisherConfirmation = true;
            host.RequestedConnectionTimeout(options.ConnectTimeout);
            host.Heartbeat(TimeSpan.FromSeconds(10));
            if (address.Tls)
            {
                host.UseSsl(tls => tls.ServerName = address.Host);
            }
        });
        Configure(bus);
        bus.ReceiveEndpoint(options.RunsQueue, endpoint => RabbitMq(endpoint, ConsumeRuns));
        bus.ReceiveEndpoint(options.SweepsQueue, endpoint => RabbitMq(endpoint, ConsumeSweeps));
        return bus.Build(configuration);
    }

    private static void Configure(IBusFactoryConfigurator bus) => bus.ConfigureJsonSerializerOptions(json =>
    {
        // A loss may be NaN.
        json.NumberHandling |= JsonNumberHandling.AllowNamedFloatingPointLiterals;
        return json;
    });

    private void InMemory(IInMemoryReceiveEndpointConfigurator endpoint, Action<IReceiveEndpointConfigurator> consume)
    {
        // Nobody looks into a queue of memory: dead letters are counted and dropped.
        endpoint.DiscardFaultedMessages();
        Configure(endpoint, consume);
    }

    private void RabbitMq(IRabbitMqReceiveEndpointConfigurator endpoint, Action<IReceiveEndpointConfigurator> consume)
    {
        endpoint.SetQuorumQueue();
        endpoint.Durable = true;
        endpoint.AutoDelete = false;
        Configure(endpoint, consume);
    }

    private void Configure(IReceiveEndpointConfigurator endpoint, Action<IReceiveEndpointConfigurator> consume)
    {
        endpoint.ConfigureConsumeTopology = false; // jobs are sent to the queue by name, never published
        endpoint.PublishFaults = false;
        endpoint.PrefetchCount = options.Prefetch;
        endpoint.ConcurrentMessageLimit = options.Prefetch;

        // The journal's troubles pass, so they are waited out; everything else is tried a few times.
        endpoint.UseMessageRetry(retry =>
        {
            retry.Handle<JournalException>(exception => exception.Passing);
            retry.Handle<StreamConflictException>();
            retry.Intervals([.. Backoff()]);
        });
        if (options.Retries.Count > 0)
        {
            endpoint.UseMessageRetry(retry =>
            {
                retry.Ignore<JournalException>(exception => exception.Passing);
                retry.Ignore<StreamConflictException>();
                retry.Intervals([.. options.Retries]);
            });
        }

        consume(endpoint);
    }

    private IEnumerable<TimeSpan> Backoff()
    {
        var (pause, total) = (FirstPause, TimeSpan.Zero);
        while (total < options.JournalPatience)
        {
            yield return pause;
            total += pause;
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private void ConsumeRuns(IReceiveEndpointConfigurator endpoint)
    {
        Consume<RunTrial>(endpoint);
        Consume<StopTrial>(endpoint);
        Consume<ScoreTrial>(endpoint);
        Consume<ReleaseTrial>(endpoint);
    }

    private void ConsumeSweeps(IReceiveEndpointConfigurator endpoint)
    {
        Consume<TrialStarted>(endpoint);
        Consume<TrialReported>(endpoint);
        Consume<TrialFinished>(endpoint);
        Consume<TrialScored>(endpoint);
    }

    private void Consume<T>(IReceiveEndpointConfigurator endpoint)
        where T : class => endpoint.Consumer(() => new HandlerConsumer<T>(scopes));
}
