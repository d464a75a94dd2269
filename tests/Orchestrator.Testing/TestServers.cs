namespace Orchestrator.Testing;

/// <summary>
/// The servers of one test assembly, each started when first asked for and ended with the assembly. Register it as the assembly's fixture:
/// <c>[assembly: AssemblyFixture(typeof(TestServers))]</c>.
/// </summary>
public sealed class TestServers : IDisposable
{
    private readonly Lazy<Task<RabbitMqServer>> rabbitMq = new(RabbitMqServer.StartNewAsync);
    private readonly Lazy<Task<PostgresServer>> postgres = new(PostgresServer.StartNewAsync);

    /// <summary>One broker for all tests: keep apart by cluster name.</summary>
    public Task<RabbitMqServer> RabbitMqAsync() => rabbitMq.Value;

    /// <summary>One server for all tests: keep apart by <see cref="PostgresServer.CreateDatabase"/>.</summary>
    public Task<PostgresServer> PostgresAsync() => postgres.Value;

    public void Dispose()
    {
        End(rabbitMq);
        End(postgres);
    }

    private static void End<TServer>(Lazy<Task<TServer>> server)
        where TServer : IDisposable
    {
        if (server.IsValueCreated && server.Value.IsCompletedSuccessfully)
        {
            server.Value.Result.Dispose();
        }
    }
}
