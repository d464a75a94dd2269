namespace Orchestrator.Coordinator.Broker;

/// <summary>Where the messages between the two roles travel.</summary>
public sealed record BrokerOptions
{
    /// <summary>What <see cref="Address"/> says for the transport within the process.</summary>
    public const string InMemory = "memory";

    /// <summary><c>memory</c>, or a RabbitMQ: <c>amqp://user:password@host:port/vhost</c> (<c>amqps</c> for TLS).</summary>
    public string Address { get; init; } = InMemory;

    /// <summary>The queues' first name: clusters that share a broker differ in it.</summary>
    public string ClusterName { get; init; } = "orchestrator";

    /// <summary>How long a send waits for a broker that is away.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the first connection may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a stop waits for handlers at work; what they did not finish is delivered again.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Deliveries of a queue that are under way in this process.</summary>
    public ushort Prefetch { get; init; } = 64;

    /// <summary>The pauses before a message that failed is tried again; after the last it is a dead letter.</summary>
    public IReadOnlyList<TimeSpan> Retries { get; init; } = [TimeSpan.Zero, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)];

    /// <summary>How long a message is tried again while the journal is away or busy. Stays below RabbitMQ's 30 minutes for an unacknowledged delivery.</summary>
    public TimeSpan JournalPatience { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>False where the host starts <see cref="MessageBroker"/> itself, once it leads.</summary>
    public bool StartWithHost { get; init; } = true;

    /// <summary>To the sweep controller.</summary>
    public string SweepsQueue => $"{ClusterName}.sweeps";

    /// <summary>To the run coordinator.</summary>
    public string RunsQueue => $"{ClusterName}.runs";
}
