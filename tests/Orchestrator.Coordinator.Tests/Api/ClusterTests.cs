using System.Text.Json;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Api;

/// <summary>Alone: the figures of coordinators in one process are one set for whoever reads metrics.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}

[Collection(AloneCollection.Name)]
public sealed class ClusterTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cluster_shows_the_figures_of_this_moment_over_grpc_and_rest()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var figures = coordinator.Get<ClusterFigures>();
        (figures.Workers, figures.Slots, figures.SlotsWanted, figures.DeadLetters) = (() => 2, () => 5, () => 7, () => 9_000_000_000);

        var cluster = await new ClusterService.ClusterServiceClient(coordinator.Grpc).GetClusterAsync(new GetClusterRequest(), cancellationToken: Cancellation);
        Assert.Equal((2, 5, 7, 9_000_000_000), (cluster.Workers, cluster.Slots, cluster.SlotsWanted, cluster.DeadLetters));
        Assert.Equal((coordinator.Endpoint.Address, coordinator.Endpoint.Web), (cluster.Endpoint, cluster.Web));

        using var rest = JsonDocument.Parse(await coordinator.Web.GetStringAsync(new Uri("/v1/cluster", UriKind.Relative), Cancellation));
        Assert.Equal(7, rest.RootElement.GetProperty("slotsWanted").GetInt32());

        // 64-bit integers as numbers, and default values written.
        Assert.Equal(JsonValueKind.Number, rest.RootElement.GetProperty("deadLetters").ValueKind);
        Assert.Equal(JsonValueKind.False, rest.RootElement.GetProperty("embedded").ValueKind);
    }

    [Fact]
    public async Task Metrics_are_there_for_prometheus()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        coordinator.Get<ClusterFigures>().SlotsWanted = () => 7;
        var metrics = await coordinator.Web.GetStringAsync(new Uri("/metrics", UriKind.Relative), Cancellation);
        Assert.Contains(metrics.Split('\n'), line => line.StartsWith("orchestrator_slots_wanted", StringComparison.Ordinal) && line.Contains(" 7", StringComparison.Ordinal));
        Assert.Contains("dotnet_gc_collections_total", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public void A_brokers_password_is_not_shown()
    {
        Assert.Equal("memory", ClusterApi.BrokerShown("memory"));
        Assert.DoesNotContain("secret", ClusterApi.BrokerShown("amqp://user:secret@rabbit:5672/vhost"), StringComparison.Ordinal);
        Assert.Contains("rabbit:5672/vhost", ClusterApi.BrokerShown("amqp://user:secret@rabbit:5672/vhost"), StringComparison.Ordinal);
    }
}
