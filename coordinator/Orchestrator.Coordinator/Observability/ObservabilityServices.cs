using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Traces;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Compact;

namespace Orchestrator.Coordinator.Observability;

internal static class ObservabilityServices
{
    private const long LogFileBytes = 32 << 20;
    private const int LogFiles = 8;

    /// <summary>Logs for the operator, spans for the developer, metrics for the alerts.</summary>
    public static IServiceCollection AddObservability(this IServiceCollection services, DataDirectory directory)
    {
        services.AddSerilog(Logger(directory), dispose: true);
        services.AddSingleton<ClusterMetrics>();
        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("coordinator").AddAttributes(
            [
                new("process.pid", (long)Environment.ProcessId), new("host.name", Environment.MachineName),
            ]))
            .WithTracing(tracing => tracing
                .AddSource("Orchestrator.*", "MassTransit")
                .AddAspNetCoreInstrumentation(requests =>
                {
                    requests.Filter = RequestSpans.Wanted;
                    requests.EnrichWithHttpResponse = (activity, response) => RequestSpans.Name(activity, response.HttpContext.Request);
                })
                .AddProcessor(provider => new BatchActivityExportProcessor(provider.GetRequiredService<OwnSpans>(), maxQueueSize: 16_384, scheduledDelayMilliseconds: 250)))
            .WithMetrics(metrics => metrics
                .AddMeter("Orchestrator.*", "MassTransit", "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel")
                .AddPrometheusExporter());
        services.AddHostedService<LastSpans>();
        return services;
    }

    public static void MapObservability(this WebApplication app)
    {
        // Gauges exist once somebody has made them.
        _ = app.Services.GetRequiredService<ClusterMetrics>();
        app.MapPrometheusScrapingEndpoint();
    }

    /// <summary>Compact JSON to a file that rolls, short lines to stderr.</summary>
    private static Logger Logger(DataDirectory directory) => new LoggerConfiguration()
        .MinimumLevel.Information()
        .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
        .MinimumLevel.Override("System", LogEventLevel.Warning)
        .MinimumLevel.Override("Grpc", LogEventLevel.Warning)
        .MinimumLevel.Override("MassTransit", LogEventLevel.Warning)
        .Enrich.FromLogContext()
        // Everybody who writes meets it and tries again; the journal itself says it, once.
        .Filter.ByExcluding(entry => entry.Exception is JournalException { Passing: true })
        .WriteTo.File(
            new CompactJsonFormatter(), Path.Combine(directory["logs"], "coordinator.log"),
            fileSizeLimitBytes: LogFileBytes, rollOnFileSizeLimit: true, retainedFileCountLimit: LogFiles)
        .WriteTo.Console(
            outputTemplate: "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}", standardErrorFromLevel: LevelAlias.Minimum)
        .CreateLogger();
}
