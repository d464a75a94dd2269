using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Hosting;

public sealed class LifeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Endpoint_file_says_where_it_answers_and_goes_at_a_clean_stop()
    {
        using var folder = new TemporaryFolder();
        await using (var coordinator = await RunningCoordinator.StartInAsync(folder.Path))
        {
            await Eventually.TrueAsync(() => File.Exists(folder["endpoint.json"]), RunningCoordinator.Patience);
            using var written = JsonDocument.Parse(await File.ReadAllBytesAsync(folder["endpoint.json"], Cancellation));
            Assert.Equal(coordinator.Endpoint.Address, written.RootElement.GetProperty("endpoint").GetString());
            Assert.Equal(coordinator.Endpoint.Web, written.RootElement.GetProperty("web").GetString());
            Assert.Equal(Environment.ProcessId, written.RootElement.GetProperty("pid").GetInt32());
        }

        Assert.False(File.Exists(folder["endpoint.json"]));
    }

    [Fact]
    public async Task A_data_directory_belongs_to_one_coordinator_at_a_time()
    {
        using var folder = new TemporaryFolder();
        await using (await RunningCoordinator.StartInAsync(folder.Path))
        {
            var line = Assert.Throws<StartupException>(() => CoordinatorHost.Build(RunningCoordinator.OptionsIn(folder.Path))).Message;
            Assert.Contains($"process {Environment.ProcessId}", line, StringComparison.Ordinal);
            Assert.Contains("--data-dir", line, StringComparison.Ordinal);
        }

        await using var next = await RunningCoordinator.StartInAsync(folder.Path);
        Assert.NotEmpty(next.Endpoint.Address);
    }

    [Fact]
    public void A_data_directory_that_is_a_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["file"], "");
        Assert.Contains("can't be written", Assert.Throws<StartupException>(() => DataDirectory.Open(folder["file"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_in_use_is_refused_and_leaves_no_data_directory()
    {
        using var folder = new TemporaryFolder();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var options = RunningCoordinator.OptionsIn(folder["data"], options => options with { Listen = other.LocalEndpoint.ToString()!, ListenWeb = "127.0.0.1:0" });
        Assert.Contains("another program listens on", Assert.Throws<StartupException>(() => CoordinatorHost.Build(options)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["data"]));
    }

    [Fact]
    public async Task Shutdown_answers_and_then_ends_the_host_although_a_stream_is_open()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        using var watch = new Health.HealthClient(coordinator.Grpc).Watch(new HealthCheckRequest(), cancellationToken: Cancellation);
        Assert.True(await watch.ResponseStream.MoveNext(Cancellation));
        var answer = await new ClusterService.ClusterServiceClient(coordinator.Grpc).ShutdownAsync(new ShutdownRequest(), cancellationToken: Cancellation);
        Assert.Equal(Environment.ProcessId, answer.Pid);
        await coordinator.StoppedAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => coordinator.Web.GetAsync(new Uri("/health/live", UriKind.Relative), Cancellation));
    }

    [Fact]
    public async Task Health_answers_over_both_protocols()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        Assert.Equal("Healthy", await coordinator.Web.GetStringAsync(new Uri("/health/live", UriKind.Relative), Cancellation));
        Assert.Equal("Healthy", await coordinator.Web.GetStringAsync(new Uri("/health/ready", UriKind.Relative), Cancellation));
        var health = await new Health.HealthClient(coordinator.Grpc).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
    }

    [Fact]
    public async Task Logs_lie_in_the_data_directory_as_compact_json()
    {
        using var folder = new TemporaryFolder();
        await using (await RunningCoordinator.StartInAsync(folder.Path))
        {
            await Eventually.TrueAsync(() => File.Exists(folder["endpoint.json"]), RunningCoordinator.Patience);
        }

        var lines = await File.ReadAllLinesAsync(Path.Combine(folder["logs"], "coordinator.log"), Cancellation);
        var messages = lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("@mt").GetString()).ToArray();
        Assert.Contains(messages, message => message!.StartsWith("Takes work", StringComparison.Ordinal));
    }
}
