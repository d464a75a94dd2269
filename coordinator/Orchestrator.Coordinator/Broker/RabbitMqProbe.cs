using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Orchestrator.Coordinator.Broker;

/// <summary>A connection of its own, for what MassTransit does not do: say at once why it cannot connect, and count what lies in a queue.</summary>
internal sealed class RabbitMqProbe(BrokerAddress address, TimeSpan timeout)
{
    private const int NotFound = 404;

    /// <summary>It is being shut down.</summary>
    private const int ConnectionForced = 320;

    /// <exception cref="BrokerException">broker-denied or broker-unreachable</exception>
    public async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            HostName = address.Host,
            Port = address.Port,
            VirtualHost = address.VirtualHost,
            UserName = address.User,
            Password = address.Password,
            Ssl = new SslOption { Enabled = address.Tls, ServerName = address.Host },
            AutomaticRecoveryEnabled = false,
            RequestedConnectionTimeout = timeout,
            ContinuationTimeout = timeout,
        };
        try
        {
            var connection = await factory.CreateConnectionAsync("orchestrator doctor", cancellationToken).WaitAsync(timeout, cancellationToken);

            // Where the virtual host is unknown the client reports success and only the first channel fails.
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).WaitAsync(timeout, cancellationToken);
            return connection;
        }
        catch (Exception exception) when (Causes(exception).Any(cause => cause is AuthenticationFailureException or PossibleAuthenticationFailureException))
        {
            throw new BrokerException("broker-denied", $"The broker {address} refuses the user or the password.", "Correct them in --broker.", exception);
        }
        catch (Exception exception) when (Causes(exception).OfType<OperationInterruptedException>().FirstOrDefault() is { } interrupted && !IsAway(interrupted))
        {
            throw new BrokerException(
                "broker-denied",
                $"The broker {address} refuses the virtual host '{address.VirtualHost}': {interrupted.ShutdownReason?.ReplyText ?? interrupted.Message}",
                "Create it (rabbitmqctl add_vhost, set_permissions), or correct --broker.",
                exception);
        }
        catch (Exception exception) when (IsAway(exception))
        {
            throw Away(exception);
        }
    }

    /// <summary>
    /// Makes the queues for dead letters, as MassTransit does at the first one. RabbitMQ writes down a moment later that a quorum queue exists: killed in that moment, it
    /// has the queue no more, nor the first letter.
    /// </summary>
    /// <exception cref="BrokerException">broker-denied or broker-unreachable</exception>
    public Task DeclareAsync(IEnumerable<string> queues, CancellationToken cancellationToken) =>
        WhileItIsThereAsync(connection => DeclareAsync(connection, queues, cancellationToken), cancellationToken);

    /// <summary>The messages that wait in these queues; a queue that does not exist holds none.</summary>
    /// <exception cref="BrokerException">broker-denied or broker-unreachable</exception>
    public async Task<long> CountAsync(IEnumerable<string> queues, CancellationToken cancellationToken)
    {
        var count = 0L;
        await WhileItIsThereAsync(async connection => count = await CountAsync(connection, queues, cancellationToken), cancellationToken);
        return count;
    }

    public static BrokerException NotMade(string where, string queues, Exception inner) => new(
        "broker-denied",
        $"The broker {where} did not make {queues}.",
        "Delete queues of another kind under these names, or grant the user configure, write and read on them.",
        inner);

    /// <summary>It may go away at any moment, and every call has its own way to say so.</summary>
    private async Task WhileItIsThereAsync(Func<IConnection, Task> speak, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        try
        {
            await speak(connection);
        }
        catch (Exception exception) when (IsAway(exception))
        {
            throw Away(exception);
        }
    }

    private async Task DeclareAsync(IConnection connection, IEnumerable<string> queues, CancellationToken cancellationToken)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        var quorum = new Dictionary<string, object?>(StringComparer.Ordinal) { ["x-queue-type"] = "quorum" };
        foreach (var queue in queues)
        {
            try
            {
                await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, quorum, cancellationToken: cancellationToken);
            }
            catch (OperationInterruptedException exception) when (!IsAway(exception))
            {
                throw NotMade(address.ToString(), queue, exception);
            }
        }
    }

    private static async Task<long> CountAsync(IConnection connection, IEnumerable<string> queues, CancellationToken cancellationToken)
    {
        var count = 0L;
        foreach (var queue in queues)
        {
            // An unknown queue closes the channel: one each.
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
            try
            {
                count += (await channel.QueueDeclarePassiveAsync(queue, cancellationToken)).MessageCount;
            }
            catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
            {
                continue;
            }
        }

        return count;
    }

    private static bool IsAway(Exception exception) => exception is BrokerUnreachableException or TimeoutException or IOException
        || (exception is OperationInterruptedException { ShutdownReason: var reason } && reason is null or { Initiator: not ShutdownInitiator.Peer } or { ReplyCode: ConnectionForced });

    private BrokerException Away(Exception exception) => new(
        "broker-unreachable",
        $"The broker {address} does not answer: {Causes(exception).Last().Message.ReplaceLineEndings(" ")}",
        "Start it, or correct host and port in --broker.",
        exception);

    private static IEnumerable<Exception> Causes(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause is AggregateException { InnerExceptions: [var first, ..] } ? first : cause.InnerException)
        {
            yield return cause;
        }
    }
}
