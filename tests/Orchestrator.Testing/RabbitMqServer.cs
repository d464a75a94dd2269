using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Orchestrator.Testing;

/// <summary>
/// A private RabbitMQ of one node: its own ports, folder, name and epmd. Takes 5 to 13 seconds to start.
/// </summary>
public sealed class RabbitMqServer : IDisposable
{
    private const string Program = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    private const string Epmd = "/usr/bin/epmd";
    private const string Mend = "Install the distribution's package rabbitmq-server (apt-get install rabbitmq-server).";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder folder = new();
    private readonly int epmdPort = FreePort.Next();
    private readonly int distributionPort = FreePort.Next();
    private ServerProcess? epmd;
    private ServerProcess? server;

    private RabbitMqServer()
    {
    }

    /// <summary>AMQP on 127.0.0.1; stays the same through restarts.</summary>
    public int Port { get; } = FreePort.Next();

    /// <summary><c>amqp://guest:guest@127.0.0.1:PORT/</c></summary>
    public string Uri => $"amqp://guest:guest@127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}/";

    /// <summary>Returns once it speaks AMQP.</summary>
    /// <exception cref="InvalidOperationException">It is not installed, or does not come up; says the mend and its last words.</exception>
    public static async Task<RabbitMqServer> StartNewAsync()
    {
        var rabbit = new RabbitMqServer();
        try
        {
            await rabbit.StartAsync();
            return rabbit;
        }
        catch
        {
            rabbit.Dispose();
            throw;
        }
    }

    /// <summary>Starts it again where it left off, after <see cref="Stop"/> or <see cref="Kill"/>.</summary>
    public async Task StartAsync()
    {
        if (!File.Exists(Program) || !File.Exists(Epmd))
        {
            throw new InvalidOperationException($"{Program} is not there. {Mend}");
        }

        var environment = Configure();
        epmd ??= ServerProcess.Start(
            "TERM", folder["epmd.log"], environment, Epmd, "-port", Text(epmdPort), "-address", "127.0.0.1", "-relaxed_command_check");
        server = ServerProcess.Start("TERM", folder["server.log"], environment, Program);
        try
        {
            await Eventually.TrueAsync(async () => !server.IsRunning || await SpeaksAmqpAsync(), StartTimeout, "RabbitMQ speaks AMQP");
        }
        catch (TimeoutException exception)
        {
            throw new InvalidOperationException($"RabbitMQ did not start: {LastWords()}", exception);
        }

        if (!server.IsRunning)
        {
            throw new InvalidOperationException($"RabbitMQ ended while starting: {LastWords()}");
        }
    }

    /// <summary>
    /// Whether the disk knows that the quorum queue exists. RabbitMQ 3.10 confirms messages before that, and forgets the queue when it is killed in between.
    /// </summary>
    public bool HasWrittenDown(string queue)
    {
        // An atom of Erlang's external term format: its length, then its name; %2F is the virtual host.
        var name = $"%2F_{queue}";
        byte[] atom = [(byte)name.Length, .. Encoding.UTF8.GetBytes(name)];
        return Directory.EnumerateFiles(folder["mnesia"], "names.dets", SearchOption.AllDirectories)
            .Any(directory => File.ReadAllBytes(directory).AsSpan().IndexOf(atom) >= 0);
    }

    /// <summary>In good order; what it holds stays on disk.</summary>
    public void Stop()
    {
        server?.Dispose();
        server = null;
    }

    /// <summary>With SIGKILL, in the middle of whatever it does.</summary>
    public void Kill()
    {
        server?.Kill();
        server = null;
    }

    public void Dispose()
    {
        Kill();
        epmd?.Dispose();
        epmd = null;
        folder.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private Dictionary<string, string> Configure()
    {
        File.WriteAllText(folder["env.conf"], "");
        File.WriteAllText(folder["enabled_plugins"], "[].\n");
        File.WriteAllText(
            folder["rabbitmq.conf"],
            $"""
            listeners.tcp.1 = 127.0.0.1:{Text(Port)}
            disk_free_limit.absolute = 1MB
            log.file.level = warning

            """);
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["HOME"] = folder.Path,
            ["RABBITMQ_NODENAME"] = $"test{Text(Port)}@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = Text(Port),
            ["RABBITMQ_DIST_PORT"] = Text(distributionPort),
            ["RABBITMQ_MNESIA_BASE"] = folder["mnesia"],
            ["RABBITMQ_LOG_BASE"] = folder["log"],
            ["RABBITMQ_PID_FILE"] = folder["pid"],
            ["RABBITMQ_CONF_ENV_FILE"] = folder["env.conf"],
            ["RABBITMQ_CONFIG_FILE"] = folder["rabbitmq.conf"],
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = folder["enabled_plugins"],
            ["ERL_EPMD_PORT"] = Text(epmdPort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        };
    }

    private async Task<bool> SpeaksAmqpAsync()
    {
        try
        {
            using var client = new TcpClient();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await client.ConnectAsync("127.0.0.1", Port, patience.Token);
            await client.GetStream().WriteAsync("AMQP\0\0\x09\x01"u8.ToArray(), patience.Token);
            var frame = new byte[1];
            return await client.GetStream().ReadAsync(frame, patience.Token) == 1 && frame[0] == 1;
        }
        catch (Exception exception) when (exception is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private string LastWords() =>
        File.Exists(folder["server.log"]) ? string.Join(" | ", File.ReadLines(folder["server.log"]).Where(line => line.Length > 0).TakeLast(8)) : "nothing";
}
