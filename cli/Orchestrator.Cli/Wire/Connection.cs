using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;

namespace Orchestrator.Cli.Wire;

/// <summary>A coordinator to talk to. Nothing is sent before the first call.</summary>
public sealed class Connection : IDisposable
{
    private const int LargestMessage = 64 * 1024 * 1024;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    private readonly GrpcChannel _channel;

    private readonly CallInvoker _calls;

    private Connection(Uri address, string? token, string? traceParent)
    {
        Address = address;
        _channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = ConnectTimeout, EnableMultipleHttp2Connections = true },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = LargestMessage,
            MaxSendMessageSize = LargestMessage,
        });
        _calls = _channel.Intercept(new CallHeaders(address, token, traceParent));
    }

    public Uri Address { get; }

    public SweepService.SweepServiceClient Sweeps => new(_calls);

    public RunService.RunServiceClient Runs => new(_calls);

    public WorkerService.WorkerServiceClient Workers => new(_calls);

    public CheckpointService.CheckpointServiceClient Checkpoints => new(_calls);

    public DatasetService.DatasetServiceClient Datasets => new(_calls);

    public ClusterService.ClusterServiceClient Cluster => new(_calls);

    public CallInvoker Calls => _calls;

    /// <summary>The coordinator that the environment names.</summary>
    /// <param name="traceParent">W3C trace context that every call carries; null for none.</param>
    public static Connection Open(Shell shell, string? traceParent = null) => new(Wire.Address.Of(shell), shell.Variable("ORCH_TOKEN"), traceParent);

    public static Connection Open(Uri address, string? token, string? traceParent = null) => new(address, token, traceParent);

    public void Dispose() => _channel.Dispose();
}
