using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>The connection to the coordinator that session, datasets and checkpoints share.</summary>
internal sealed class CoordinatorChannel : IDisposable
{
    private const int GreatestMessageBytes = 16 << 20;
    internal static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(5);
    internal static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(5);

    private readonly GrpcChannel channel;

    public CoordinatorChannel(AgentOptions options)
    {
        channel = GrpcChannel.ForAddress(options.Coordinator, new GrpcChannelOptions
        {
            // A machine that vanished sends no end of connection: the pings find out.
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                KeepAlivePingDelay = PingDelay,
                KeepAlivePingTimeout = PingTimeout,
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            },
            DisposeHttpClient = true,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
            MaxReconnectBackoff = TimeSpan.FromSeconds(1),
            MaxReceiveMessageSize = GreatestMessageBytes,
            MaxSendMessageSize = GreatestMessageBytes,
        });
        var token = options.ReadToken();
        Invoker = channel.Intercept(headers =>
        {
            token = TokenNow(options, token);
            if (token is not null)
            {
                headers.Add("authorization", "Bearer " + token);
            }

            return headers;
        });
    }

    /// <summary>Calls carry the cluster's token.</summary>
    public CallInvoker Invoker { get; }

    public void Dispose() => channel.Dispose();

    // A file that is being replaced is no reason to end: the old token goes on.
    private static string? TokenNow(AgentOptions options, string? before)
    {
        try
        {
            return options.ReadToken();
        }
        catch (CommandException)
        {
            return before;
        }
    }
}
