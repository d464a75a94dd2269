using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Trace.V1;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Sends every trace that arrives on to the backend that OTEL_EXPORTER_OTLP_ENDPOINT names (gRPC). Bounded, and never in anybody's way.</summary>
internal sealed partial class TraceForwarder(Uri endpoint, TraceMetrics metrics, ILogger<TraceForwarder> logger) : BackgroundService
{
    private const int MostWaiting = 4_096;
    private const int BatchSpans = 2_000;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LastDeadline = TimeSpan.FromSeconds(2);

    private readonly Channel<ResourceSpans> _waiting = Channel.CreateBounded<ResourceSpans>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private bool _failing;

    /// <summary>Never waits.</summary>
    public void Offer(ResourceSpans spans)
    {
        if (!_waiting.Writer.TryWrite(spans))
        {
            metrics.Dropped(Count(spans), "forward-queue-full");
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _waiting.Writer.TryComplete();
        if (ExecuteTask is { } sending)
        {
            await sending.WaitAsync(LastDeadline, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var channel = GrpcChannel.ForAddress(endpoint);
        var backend = new TraceService.TraceServiceClient(channel);
        while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            var request = new ExportTraceServiceRequest();
            for (var spans = 0; spans < BatchSpans && _waiting.Reader.TryRead(out var next); spans += Count(next))
            {
                request.ResourceSpans.Add(next);
            }

            await SendAsync(backend, request, stoppingToken);
        }
    }

    private async Task SendAsync(TraceService.TraceServiceClient backend, ExportTraceServiceRequest request, CancellationToken stoppingToken)
    {
        try
        {
            await backend.ExportAsync(request, deadline: DateTime.UtcNow + Deadline, cancellationToken: stoppingToken);
            metrics.Forwarded();
            _failing = false;
        }
        catch (RpcException error) when (!stoppingToken.IsCancellationRequested)
        {
            metrics.Dropped(request.ResourceSpans.Sum(Count), "backend");
            if (!_failing)
            {
                LogBackend(endpoint, error.Status.StatusCode, error.Status.Detail);
            }

            _failing = true;
        }
    }

    private static int Count(ResourceSpans spans) => spans.ScopeSpans.Sum(scope => scope.Spans.Count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The trace backend {Endpoint} does not take spans: {Status} {Detail}; they are dropped until it does")]
    private partial void LogBackend(Uri endpoint, StatusCode status, string detail);
}
