using Google.Protobuf.Reflection;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orchestrator.Coordinator.Api.OpenApi;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Api;

internal static class ApiServices
{
    /// <summary>gRPC with its limits and errors, the same methods as REST, and health.</summary>
    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = Listeners.MaximumMessageBytes;
            grpc.MaxSendMessageSize = Listeners.MaximumAnswerBytes;
            grpc.Interceptors.Add<ErrorInterceptor>();
        }).AddJsonTranscoding(json =>
        {
            json.JsonSettings.WriteInt64sAsStrings = false;
            json.JsonSettings.IgnoreDefaultValues = false;

            // Details of errors are written by their type.
            json.TypeRegistry = TypeRegistry.FromFiles(ErrorsReflection.Descriptor);
        });
        services.AddSingleton<ClusterFigures>();
        services.AddHealthChecks().AddCheck<LifetimeCheck>("lifetime", tags: [HealthTags.Ready]);
        services.AddGrpcHealthChecks(health => health.Services.Map("", context => context.Tags.Contains(HealthTags.Ready)));
        return services;
    }

    public static void MapApi(this WebApplication app)
    {
        app.MapGrpcService<ClusterApi>();
        app.MapGrpcHealthChecksService();
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
        app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = HealthTags.OnlyReady, ResponseWriter = WriteAsync });
        app.MapGet("/openapi.json", () => Results.Text(OpenApiDocument.Json, "application/json"));
    }

    /// <summary>Healthy, Degraded or Unhealthy; then what is wrong, a line each.</summary>
    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "text/plain";
        var wrong = report.Entries.Where(check => check.Value.Status is not HealthStatus.Healthy).Select(check => $"{check.Key}: {check.Value.Description}");
        return context.Response.WriteAsync(string.Join('\n', [report.Status.ToString(), .. wrong]));
    }
}
