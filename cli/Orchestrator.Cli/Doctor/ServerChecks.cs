using System.Net.Sockets;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;

namespace Orchestrator.Cli.Doctor;

/// <summary>What other servers a cluster uses: can they be reached?</summary>
public static class ServerChecks
{
    private const int PostgresPort = 5432;

    private const int AmqpPort = 5672;

    private const int AmqpsPort = 5671;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <returns>Null where none answers at that address.</returns>
    public static async Task<(Cluster? Cluster, Check Check)> CoordinatorAsync(Shell shell, CancellationToken cancellation)
    {
        try
        {
            using var connection = Connection.Open(shell);
            var cluster = await connection.Cluster.GetClusterAsync(new(), deadline: DateTime.UtcNow + Limit, cancellationToken: cancellation);
            var seen = $"{connection.Address.Authority}: version {cluster.Version}, {Plain.Count(cluster.Workers, "worker")}, {Plain.Count(cluster.Slots, "slot")}, "
                + $"broker {cluster.Broker}, database {cluster.Database}";
            return (cluster, Check.Ok("coordinator", seen));
        }
        catch (CliException exception) when (exception.ExitCode == ExitCode.NoCoordinator)
        {
            return (null, Check.Ok("coordinator", $"none at {Address.Of(shell).Authority}"));
        }
        catch (RpcException exception)
        {
            var mend = exception.StatusCode is StatusCode.Unauthenticated or StatusCode.PermissionDenied ? "set ORCH_TOKEN" : "see its log, or start it again";
            return (null, Check.Fail("coordinator", $"{Address.Of(shell).Authority}: {exception.Status.Detail}", mend));
        }
    }

    public static Check DeadLetters(Cluster cluster) => cluster.DeadLetters == 0
        ? Check.Ok("dead letters", "none")
        : Check.Warn("dead letters", $"the broker gave up on {cluster.DeadLetters} messages", "see the coordinator's log for why; the sweep itself asks again");

    public static async Task<Check> BrokerAsync(string text, CancellationToken cancellation) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps"
            ? await ReachAsync("broker", uri.Host, uri.Port > 0 ? uri.Port : uri.Scheme == "amqps" ? AmqpsPort : AmqpPort, cancellation)
            : Check.Fail("broker", "--broker is not understood", "write it like amqp://user:password@host:port/vhost");

    public static async Task<Check> DatabaseAsync(string text, CancellationToken cancellation)
    {
        if (text.StartsWith("sqlite:", StringComparison.Ordinal))
        {
            return Check.Ok("database", text);
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "postgres" or "postgresql")
        {
            return await ReachAsync("database", uri.Host, uri.Port > 0 ? uri.Port : PostgresPort, cancellation);
        }

        var pairs = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(pair => pair.Split('=', 2, StringSplitOptions.TrimEntries)).Where(pair => pair.Length == 2)
            .ToLookup(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        return (pairs["Host"].Concat(pairs["Server"]).FirstOrDefault(), pairs["Port"].FirstOrDefault() ?? $"{PostgresPort}") is ({ } host, var port)
            && int.TryParse(port, out var number)
                ? await ReachAsync("database", host, number, cancellation)
                : Check.Fail("database", "--database is not understood", "write it like \"Host=db;Username=orch;Password=...;Database=orch\"");
    }

    private static async Task<Check> ReachAsync(string name, string host, int port, CancellationToken cancellation)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limited.CancelAfter(Limit);
        try
        {
            if (host.StartsWith('/'))
            {
                return File.Exists(Path.Combine(host, $".s.PGSQL.{port}"))
                    ? Check.Ok(name, $"the socket in {host} is there")
                    : Check.Fail(name, $"no server has its socket in {host}", "start it, or check the address");
            }

            using var client = new TcpClient();
            await client.ConnectAsync(host, port, limited.Token);
            return Check.Ok(name, $"{host}:{port} answers");
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return Check.Fail(name, $"{host}:{port} can't be reached: {(exception is SocketException ? exception.Message : "no answer in 3 s")}", "start it, or check the address");
        }
    }
}
