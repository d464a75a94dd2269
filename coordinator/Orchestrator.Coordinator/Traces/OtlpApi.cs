using Grpc.Core;
using OpenTelemetry.Proto.Collector.Trace.V1;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Receives spans from any OpenTelemetry SDK (OTLP over gRPC).</summary>
internal sealed class OtlpApi(TraceIntake intake) : TraceService.TraceServiceBase
{
    public override Task<ExportTraceServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context)
    {
        var rejected = request.ResourceSpans.Sum(intake.Take);
        return Task.FromResult(rejected == 0
            ? new ExportTraceServiceResponse()
            : new ExportTraceServiceResponse
            {
                PartialSuccess = new ExportTracePartialSuccess { RejectedSpans = rejected, ErrorMessage = "a trace id has 16 bytes and a span id 8" },
            });
    }
}
