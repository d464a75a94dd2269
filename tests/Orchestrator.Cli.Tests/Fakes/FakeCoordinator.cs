using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Trace.V1;
using Orchestrator.V1;
using Status = Google.Rpc.Status;

namespace Orchestrator.Cli.Tests.Fakes;

/// <summary>A coordinator that answers what a test told it to, over real gRPC on a port of its own.</summary>
internal sealed class FakeCoordinator : IAsyncDisposable
{
    private WebApplication? _app;

    public string Endpoint { get; private set; } = "";

    public List<Sweep> Watched { get; } = [];

    public List<FilePart> Parts { get; } = [];

    public List<LogLine> Lines { get; } = [];

    public RpcException? Refusal { get; set; }

    /// <summary>After the states of <see cref="Watched"/> the stream stays open until the caller leaves.</summary>
    public bool WatchForever { get; set; }

    public TaskCompletionSource WatchReached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<Span> Spans { get; } = [];

    public ConcurrentQueue<(string Method, Metadata Headers, IMessage Request)> Calls { get; } = [];

    public static async Task<FakeCoordinator> StartAsync()
    {
        var fake = new FakeCoordinator();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(fake);
        builder.Services.AddGrpc();
        fake._app = builder.Build();
        fake._app.MapGrpcService<FakeSweeps>();
        fake._app.MapGrpcService<FakeRuns>();
        fake._app.MapGrpcService<FakeCheckpoints>();
        fake._app.MapGrpcService<FakeTraces>();
        await fake._app.StartAsync(TestContext.Current.CancellationToken);
        var address = fake._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        fake.Endpoint = new Uri(address).Authority;
        return fake;
    }

    /// <summary>Refuses every call as the coordinator does where a person can mend it.</summary>
    public void Refuse(StatusCode code, UserError detail) =>
        Refusal = new Status { Code = (int)code, Message = detail.Message, Details = { Any.Pack(detail) } }.ToRpcException();

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    private T Note<T>(ServerCallContext context, IMessage request, Func<T> answer)
    {
        Calls.Enqueue((context.Method, context.RequestHeaders, request));
        return Refusal is null ? answer() : throw Refusal;
    }

    private sealed class FakeSweeps(FakeCoordinator fake) : SweepService.SweepServiceBase
    {
        public override Task<SubmitSweepResponse> SubmitSweep(SubmitSweepRequest request, ServerCallContext context) =>
            fake.Note(context, request, () => Task.FromResult(new SubmitSweepResponse { Id = "s-1" }));

        public override Task<ListSweepsResponse> ListSweeps(ListSweepsRequest request, ServerCallContext context) =>
            fake.Note(context, request, () => Task.FromResult(new ListSweepsResponse { Sweeps = { fake.Watched.TakeLast(1) } }));

        public override Task<Sweep> GetSweep(GetSweepRequest request, ServerCallContext context) =>
            fake.Note(context, request, () => Task.FromResult(fake.Watched[^1]));

        public override async Task WatchSweep(GetSweepRequest request, IServerStreamWriter<Sweep> stream, ServerCallContext context)
        {
            foreach (var sweep in fake.Note(context, request, () => fake.Watched))
            {
                await stream.WriteAsync(sweep, context.CancellationToken);
            }

            fake.WatchReached.TrySetResult();
            if (fake.WatchForever)
            {
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }
        }
    }

    private sealed class FakeRuns(FakeCoordinator fake) : RunService.RunServiceBase
    {
        public override async Task GetRunLogs(GetRunLogsRequest request, IServerStreamWriter<LogLine> stream, ServerCallContext context)
        {
            foreach (var line in fake.Note(context, request, () => fake.Lines))
            {
                await stream.WriteAsync(line, context.CancellationToken);
            }
        }
    }

    private sealed class FakeCheckpoints(FakeCoordinator fake) : CheckpointService.CheckpointServiceBase
    {
        public override async Task FetchCheckpoint(FetchCheckpointRequest request, IServerStreamWriter<FilePart> stream, ServerCallContext context)
        {
            foreach (var part in fake.Note(context, request, () => fake.Parts))
            {
                await stream.WriteAsync(part, context.CancellationToken);
            }
        }
    }

    private sealed class FakeTraces(FakeCoordinator fake) : TraceService.TraceServiceBase
    {
        public override Task<ExportTraceServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context)
        {
            foreach (var span in request.ResourceSpans.SelectMany(resource => resource.ScopeSpans).SelectMany(scope => scope.Spans))
            {
                fake.Spans.Enqueue(span);
            }

            return Task.FromResult(new ExportTraceServiceResponse());
        }
    }
}
