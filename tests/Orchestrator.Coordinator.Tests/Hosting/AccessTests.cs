using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Hosting;

public sealed class AccessTests
{
    private static readonly Uri Cluster = new("/v1/cluster", UriKind.Relative);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_token_file_grpc_takes_only_the_token()
    {
        using var folder = new TemporaryFolder();
        var (file, token) = RunningCoordinator.NewToken(folder);
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { TokenFile = file });
        Assert.Equal(StatusCode.Unauthenticated, await StatusOf(coordinator.Grpc.CreateCallInvoker()));
        Assert.Equal(StatusCode.PermissionDenied, await StatusOf(coordinator.WithToken("0123456789abcdef")));
        Assert.Equal(StatusCode.OK, await StatusOf(coordinator.WithToken(token)));
        var health = await new Health.HealthClient(coordinator.Grpc).CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
    }

    [Fact]
    public async Task With_a_token_file_rest_takes_only_the_token_and_health_stays_open()
    {
        using var folder = new TemporaryFolder();
        var (file, token) = RunningCoordinator.NewToken(folder);
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { TokenFile = file });
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(coordinator, Cluster, _ => { }));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(coordinator, new Uri("/metrics", UriKind.Relative), _ => { }));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(coordinator, new Uri("/no/such/page", UriKind.Relative), _ => { }));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(coordinator, Cluster, request => request.Headers.Authorization = new("Bearer", "0123456789abcdef")));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(coordinator, Cluster, request => request.Headers.Authorization = new("Bearer", token)));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(coordinator, new Uri("/health/ready", UriKind.Relative), _ => { }));
    }

    [Fact]
    public async Task On_loopback_a_foreign_host_or_origin_is_refused()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var port = new Uri(coordinator.Endpoint.Web).Port;
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(coordinator, Cluster, request => request.Headers.Host = "rebound.example"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(coordinator, Cluster, request => request.Headers.Add("Origin", "https://page.example")));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(coordinator, Cluster, request => request.Headers.Add("Origin", "http://localhost:1")));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusOf(coordinator, Cluster, request => request.Headers.Add("Origin", "null")));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(coordinator, Cluster, request => request.Headers.Host = $"localhost:{port}"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(coordinator, Cluster, request => request.Headers.Add("Origin", $"http://127.0.0.1:{port}")));
    }

    private static async Task<StatusCode> StatusOf(CallInvoker invoker)
    {
        try
        {
            await new ClusterService.ClusterServiceClient(invoker).GetClusterAsync(new GetClusterRequest(), cancellationToken: Cancellation);
            return StatusCode.OK;
        }
        catch (RpcException error)
        {
            return error.StatusCode;
        }
    }

    private static async Task<HttpStatusCode> StatusOf(RunningCoordinator coordinator, Uri path, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        change(request);
        using var response = await coordinator.Web.SendAsync(request, Cancellation);
        return response.StatusCode;
    }
}
