namespace Orchestrator.Coordinator.Broker;

/// <summary>A RabbitMQ to connect to.</summary>
internal sealed record BrokerAddress(string Host, int Port, string VirtualHost, string User, string Password, bool Tls)
{
    private const string Form = "Write it like amqp://user:password@host:5672/vhost, or 'memory'.";

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{(Tls ? "amqps" : "amqp")}://{User}@{Host}:{Port}/{(VirtualHost == "/" ? "" : VirtualHost)}";

    /// <exception cref="BrokerException">broker-address</exception>
    public static BrokerAddress Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("amqp" or "amqps") || uri.Host.Length == 0)
        {
            // The text may hold a password: it is not repeated.
            throw new BrokerException("broker-address", "--broker is not the address of a RabbitMQ.", Form);
        }

        var tls = uri.Scheme == "amqps";
        var account = uri.UserInfo.Split(':', 2);
        var path = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/'));
        return new BrokerAddress(
            uri.Host,
            uri.Port > 0 ? uri.Port : tls ? 5671 : 5672,
            path.Length == 0 ? "/" : path,
            account[0].Length > 0 ? Uri.UnescapeDataString(account[0]) : "guest",
            account.Length > 1 ? Uri.UnescapeDataString(account[1]) : "guest",
            tls);
    }
}
