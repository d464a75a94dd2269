using System.Net;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Api;

/// <summary>A service that throws what it is told to, behind the real API, over real sockets.</summary>
public sealed class ErrorTests : IAsyncLifetime
{
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private HttpClient _web = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, StatusCode, string> Known => new()
    {
        { "user", StatusCode.NotFound, "unknown-thing" },
        { "spec", StatusCode.InvalidArgument, "out-of-range" },
        { "data", StatusCode.InvalidArgument, "bad-dataset" },
        { "conflict", StatusCode.Aborted, "changed-meanwhile" },
        { "disk", StatusCode.ResourceExhausted, "disk-full" },
        { "stop", StatusCode.Unavailable, "stopping" },
    };

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listener => listener.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRouting().AddApi();
        _app = builder.Build();
        _app.MapGrpcService<Throwing>();
        await _app.StartAsync(Cancellation);
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        _channel = GrpcChannel.ForAddress(addresses[0]);
        _web = new HttpClient { BaseAddress = new Uri(addresses[1]) };
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        _web.Dispose();
        await _app.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Known))]
    public async Task What_a_person_can_mend_arrives_with_its_details(string what, StatusCode status, string code)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.GetRunAsync(new GetRunRequest { Id = what }, cancellationToken: Cancellation));
        Assert.Equal(status, error.StatusCode);
        var detail = error.GetRpcStatus()!.GetDetail<UserError>();
        Assert.Equal(code, detail.Code);
        Assert.NotEmpty(detail.Message);
        Assert.DoesNotContain('\n', error.Status.Detail);
        Assert.EndsWith(detail.Mend, error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_in_a_file_says_where()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.GetRunAsync(new GetRunRequest { Id = "spec" }, cancellationToken: Cancellation));
        var detail = error.GetRpcStatus()!.GetDetail<UserError>();
        Assert.Equal(("sweep.yaml", 3, 7, "training.epochs"), (detail.File, detail.Line, detail.Column, detail.Field));
    }

    [Fact]
    public async Task Errors_of_streams_arrive_alike()
    {
        using var call = Client.WatchRun(new GetRunRequest { Id = "user" }, cancellationToken: Cancellation);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal((StatusCode.NotFound, "unknown-thing"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<UserError>().Code));
    }

    [Fact]
    public async Task The_unexpected_is_one_line_without_a_stack()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.GetRunAsync(new GetRunRequest { Id = "bug" }, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.Internal, error.StatusCode);
        Assert.DoesNotContain('\n', error.Status.Detail);
        Assert.DoesNotContain(" at ", error.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("log", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rest_gives_the_same_error_with_its_http_status()
    {
        using var response = await _web.GetAsync(new Uri("/v1/runs/user", UriKind.Relative), Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal((int)StatusCode.NotFound, body.RootElement.GetProperty("code").GetInt32());
        Assert.Equal("unknown-thing", body.RootElement.GetProperty("details")[0].GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_message_beyond_the_limit_is_refused()
    {
        var request = new GetRunRequest { Id = new string('x', 5 << 20) };
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Client.GetRunAsync(request, cancellationToken: Cancellation));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    private RunService.RunServiceClient Client => new(_channel);

    private sealed class Throwing : RunService.RunServiceBase
    {
        public override Task<Run> GetRun(GetRunRequest request, ServerCallContext context) => throw Of(request.Id);

        public override Task WatchRun(GetRunRequest request, IServerStreamWriter<Run> responseStream, ServerCallContext context) => throw Of(request.Id);

        private static Exception Of(string what) => what switch
        {
            "user" => new UserException(StatusCode.NotFound, "unknown-thing", "there is no such thing", "look elsewhere"),
            "spec" => new SpecException(new SpecError("out-of-range", "0 epochs", "1 or more", "sweep.yaml", 3, 7, "training.epochs")),
            "data" => new DataFormatException("truncated", "x.csv: it is cut off", "fetch it again"),
            "conflict" => new StreamConflictException(new StreamId("run", "r"), 1, 2),
            "disk" => new IOException("No space left on device", 28),
            "stop" => new OperationCanceledException(),
            _ => new InvalidOperationException("a bug\nof ours"),
        };
    }
}
