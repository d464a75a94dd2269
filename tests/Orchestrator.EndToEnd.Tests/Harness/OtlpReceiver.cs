using System.Collections.Concurrent;
using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Proto.Collector.Trace.V1;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A backend for traces, as small as can be: OTLP over gRPC, kept in memory.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication application;

    private OtlpReceiver(WebApplication application, string endpoint) => (this.application, Endpoint) = (application, endpoint);

    /// <summary>For OTEL_EXPORTER_OTLP_ENDPOINT.</summary>
    public string Endpoint { get; }

    /// <summary>Hexadecimal trace and span identifiers of what has come.</summary>
    public ISet<(string Trace, string Span)> Spans => application.Services.GetRequiredService<Received>().Spans.Keys.ToHashSet();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var port = FreePort.Next();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port, listener => listener.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton<Received>();
        builder.Services.AddSingleton<Service>();
        var backend = builder.Build();
        backend.UseRouting();
        backend.MapGrpcService<Service>();
        await backend.StartAsync(TestContext.Current.CancellationToken);
        return new OtlpReceiver(backend, $"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");
    }

    public async ValueTask DisposeAsync() => await application.DisposeAsync();

    private sealed class Received
    {
        public ConcurrentDictionary<(string Trace, string Span), bool> Spans { get; } = new();
    }

    private sealed class Service(Received received) : TraceService.TraceServiceBase
    {
        public override Task<ExportTraceServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context)
        {
            foreach (var span in request.ResourceSpans.SelectMany(resource => resource.ScopeSpans).SelectMany(scope => scope.Spans))
            {
                received.Spans[(Convert.ToHexStringLower(span.TraceId.Span), Convert.ToHexStringLower(span.SpanId.Span))] = true;
            }

            return Task.FromResult(new ExportTraceServiceResponse());
        }
    }
}
