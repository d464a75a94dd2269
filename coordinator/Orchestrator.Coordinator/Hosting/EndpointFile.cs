using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orchestrator.Coordinator.Artifacts;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>Writes <c>endpoint.json</c> into the data directory once the coordinator takes work, and removes it at a clean stop.</summary>
internal sealed partial class EndpointFile(
    DataDirectory directory, BoundEndpoints endpoints, HealthCheckService health, IHostApplicationLifetime lifetime, ILogger<EndpointFile> logger)
    : BackgroundService
{
    public const string Name = "endpoint.json";

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // One that a killed coordinator left behind names a dead process.
        File.Delete(directory[Name]);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        File.Delete(directory[Name]);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Started(stoppingToken);
        while ((await health.CheckHealthAsync(HealthTags.OnlyReady, stoppingToken)).Status == HealthStatus.Unhealthy)
        {
            await Task.Delay(BetweenLooks, stoppingToken);
        }

        var endpoint = endpoints.Endpoint;
        await Durable.ReplaceAsync(directory[Name], JsonSerializer.SerializeToUtf8Bytes(endpoint), stoppingToken);
        LogReady(endpoint.Address, endpoint.Web, endpoint.Pid);
    }

    private async Task Started(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Takes work: gRPC on {Endpoint}, web on {Web}, process {Pid}")]
    private partial void LogReady(string endpoint, string web, int pid);
}
