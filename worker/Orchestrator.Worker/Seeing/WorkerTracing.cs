using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Orchestrator.Worker.Seeing;

/// <summary>Spans of this process on their way to the coordinator, which keeps them and sends them on.</summary>
internal sealed class WorkerTracing : IDisposable
{
    private const int BatchDelayMilliseconds = 1000;
    private const int FlushMilliseconds = 2000;

    private readonly TracerProvider provider;

    private WorkerTracing(TracerProvider provider) => this.provider = provider;

    /// <param name="coordinator">OTLP over gRPC.</param>
    public static WorkerTracing Start(string service, Uri coordinator, string? token) => new(Sdk.CreateTracerProviderBuilder()
        .ConfigureResource(resource => resource.AddService(service, serviceInstanceId: Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture))
            .AddAttributes([KeyValuePair.Create<string, object>("process.pid", (long)Environment.ProcessId)]))
        .SetSampler(new ParentBasedSampler(new AlwaysOnSampler()))
        .AddSource("Orchestrator.*")
        .AddOtlpExporter(exporter =>
        {
            exporter.Endpoint = coordinator;
            exporter.Protocol = OtlpExportProtocol.Grpc;
            exporter.TimeoutMilliseconds = FlushMilliseconds;
            exporter.Headers = string.IsNullOrEmpty(token) ? null : $"authorization=Bearer {token}";
            exporter.BatchExportProcessorOptions.ScheduledDelayMilliseconds = BatchDelayMilliseconds;
        })
        .Build());

    /// <summary>Sends what is there; waits for 2 s at most.</summary>
    public void Dispose()
    {
        provider.ForceFlush(FlushMilliseconds);
        provider.Shutdown(FlushMilliseconds);
        provider.Dispose();
    }
}
