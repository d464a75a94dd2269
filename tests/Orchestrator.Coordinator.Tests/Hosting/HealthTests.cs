using System.Net;
using Grpc.Core;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Hosting;

/// <summary>What probes and <c>doctor</c> are told when what the coordinator stands on goes away.</summary>
public sealed class HealthTests(TestServers servers)
{
    private static readonly Uri Ready = new("/health/ready", UriKind.Relative);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_its_broker_it_is_degraded_and_says_so()
    {
        using var mortal = await RabbitMqServer.StartNewAsync();
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { Broker = mortal.Uri });
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(coordinator));
        string[] queues = ["orchestrator.runs", "orchestrator.sweeps"];
        await Eventually.TrueAsync(() => queues.All(mortal.HasWrittenDown), RunningCoordinator.Patience);
        mortal.Kill();
        await Eventually.TrueAsync(
            async () => await AskAsync(coordinator) is (HttpStatusCode.OK, var said) && said.StartsWith("Degraded\nbroker: the broker is away", StringComparison.Ordinal),
            RunningCoordinator.Patience);
        await mortal.StartAsync();
        await Eventually.TrueAsync(async () => await AskAsync(coordinator) == (HttpStatusCode.OK, "Healthy"), RunningCoordinator.Patience);
    }

    [Fact]
    public async Task Without_its_database_it_is_not_ready()
    {
        using var mortal = await PostgresServer.StartNewAsync();
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { Database = mortal.CreateDatabase() });
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await AskAsync(coordinator));
        mortal.Kill();
        await Eventually.TrueAsync(
            async () => await AskAsync(coordinator) == (HttpStatusCode.ServiceUnavailable, "Unhealthy\njournal: the database is away"), RunningCoordinator.Patience);
        await mortal.StartAsync();
        await Eventually.TrueAsync(async () => await AskAsync(coordinator) == (HttpStatusCode.OK, "Healthy"), RunningCoordinator.Patience);
    }

    [Fact]
    public async Task Dead_letters_are_counted_for_doctor_and_the_alerts()
    {
        var broker = (await servers.RabbitMqAsync()).Uri;
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { Broker = broker });
        var before = await DeadLettersAsync(coordinator);
        await coordinator.Get<IMessageBus>().SendAsync(new RunTrial("s", 0, 1, "s-0", "no run file", "sha", 0), Cancellation);
        await Eventually.TrueAsync(async () => await DeadLettersAsync(coordinator) == before + 1, RunningCoordinator.Patience);
    }

    private static async Task<long> DeadLettersAsync(RunningCoordinator coordinator) =>
        (await new ClusterService.ClusterServiceClient(coordinator.Grpc).GetClusterAsync(new GetClusterRequest(), cancellationToken: Cancellation)).DeadLetters;

    private static async Task<(HttpStatusCode Code, string Said)> AskAsync(RunningCoordinator coordinator)
    {
        using var response = await coordinator.Web.GetAsync(Ready, Cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation));
    }
}
