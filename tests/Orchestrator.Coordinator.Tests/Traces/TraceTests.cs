using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Trace.V1;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Coordinator.Traces;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Traces;

public sealed class TraceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Received_spans_can_be_read_with_their_service_process_and_attributes()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var trace = SpanFactory.NewTrace();
        var root = SpanFactory.Span(trace, "epoch");
        var step = SpanFactory.Span(trace, "step", parent: Convert.ToHexStringLower(root.SpanId.Span), start: root.StartTimeUnixNano + 5);
        step.Attributes.Add(SpanFactory.Pair("step", new AnyValue { IntValue = 12 }));
        step.Attributes.Add(SpanFactory.Pair("loss", new AnyValue { DoubleValue = 0.25 }));
        step.Status = new OpenTelemetry.Proto.Trace.V1.Status { Code = OpenTelemetry.Proto.Trace.V1.Status.Types.StatusCode.Error, Message = "diverged" };
        await SendAsync(coordinator, root, step);

        var spans = await SpansAsync(coordinator, trace, 2);
        Assert.Equal(("epoch", "", "trainer", 4321), (spans[0].Name, spans[0].Parent, spans[0].Service, spans[0].ProcessId));
        Assert.Equal(("step", spans[0].Id), (spans[1].Name, spans[1].Parent));
        Assert.Equal((1_000_000_000_000_000_005, 1_000_000_000_000_001_005), (spans[1].StartUnixNano, spans[1].EndUnixNano));
        Assert.Equal(["error=diverged", "loss=0.25", "step=12"], spans[1].Attributes.Select(attribute => $"{attribute.Key}={attribute.Value}").Order());
    }

    [Fact]
    public async Task Spans_without_proper_identifiers_are_refused_and_the_others_kept()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var trace = SpanFactory.NewTrace();
        var bad = new Span { Name = "bad", TraceId = Google.Protobuf.ByteString.CopyFromUtf8("short") };
        var answer = await SendAsync(coordinator, bad, SpanFactory.Span(trace, "good"));
        Assert.Equal(1, answer.PartialSuccess.RejectedSpans);
        Assert.Equal("good", (await SpansAsync(coordinator, trace, 1)).Single().Name);
    }

    [Fact]
    public async Task A_change_that_was_asked_for_within_a_trace_has_its_span_there()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (trace, parent) = (SpanFactory.NewTrace(), SpanFactory.NewSpan());
        await Assert.ThrowsAsync<RpcException>(async () => await new DatasetService.DatasetServiceClient(coordinator.Grpc).DeleteDatasetAsync(
            new GetDatasetRequest { Name = "none" }, Traced(trace, parent), cancellationToken: Cancellation));
        var span = Assert.Single(await SpansAsync(coordinator, trace, 1));
        Assert.Equal(("orchestrator.v1.DatasetService/DeleteDataset", parent, "coordinator", Environment.ProcessId), (span.Name, span.Parent, span.Service, span.ProcessId));
        Assert.True(span.EndUnixNano > span.StartUnixNano && span.StartUnixNano > 1_600_000_000_000_000_000);
    }

    [Fact]
    public async Task Own_sources_are_recorded_and_health_and_otlp_are_not()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        var (trace, parent) = (SpanFactory.NewTrace(), SpanFactory.NewSpan());
        var health = new Grpc.Health.V1.Health.HealthClient(coordinator.Grpc);
        await health.CheckAsync(new Grpc.Health.V1.HealthCheckRequest(), Traced(trace, parent), cancellationToken: Cancellation);
        await new TraceService.TraceServiceClient(coordinator.Grpc).ExportAsync(SpanFactory.Export(), Traced(trace, parent), cancellationToken: Cancellation);
        using (var source = new ActivitySource("Orchestrator.Tests"))
        {
            var context = new ActivityContext(ActivityTraceId.CreateFromString(trace), ActivitySpanId.CreateFromString(parent), ActivityTraceFlags.Recorded);
            using var own = source.StartActivity("place", ActivityKind.Internal, context);
            own!.SetTag("rank", 3).AddEvent(new ActivityEvent("placed"));
        }

        var span = Assert.Single(await SpansAsync(coordinator, trace, 1));
        Assert.Equal(("place", "3"), (span.Name, span.Attributes["rank"]));
    }

    [Fact]
    public async Task Spans_that_wait_at_a_clean_stop_are_there_after_it()
    {
        using var folder = new TemporaryFolder();
        var (trace, parent) = (SpanFactory.NewTrace(), SpanFactory.NewSpan());
        await using (var coordinator = await RunningCoordinator.StartInAsync(folder.Path))
        {
            await new ClusterService.ClusterServiceClient(coordinator.Grpc).ShutdownAsync(new ShutdownRequest(), Traced(trace, parent), cancellationToken: Cancellation);
            await coordinator.StoppedAsync();
        }

        await using var again = await RunningCoordinator.StartInAsync(folder.Path);
        Assert.Equal("orchestrator.v1.ClusterService/Shutdown", Assert.Single(await again.Get<TraceStore>().ReadAsync(trace, Cancellation)).Name);
    }

    [Fact]
    public async Task Everything_goes_on_to_the_configured_backend()
    {
        await using var backend = await RunningCoordinator.StartAsync();
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { OtlpEndpoint = backend.Endpoint.Address });
        var trace = SpanFactory.NewTrace();
        await SendAsync(coordinator, SpanFactory.Span(trace, "step"));
        Assert.Equal(("step", "trainer"), (await SpansAsync(backend, trace, 1)).Select(span => (span.Name, span.Service)).Single());
        Assert.Single(await SpansAsync(coordinator, trace, 1));
    }

    [Fact]
    public async Task A_backend_that_is_not_there_is_in_nobodys_way()
    {
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        await using var coordinator = await RunningCoordinator.StartAsync(options => options with { OtlpEndpoint = $"http://{nobody.LocalEndpoint}" });
        var trace = SpanFactory.NewTrace();
        for (var index = 0; index < 50; index++)
        {
            await SendAsync(coordinator, SpanFactory.Span(trace, "step"));
        }

        Assert.Equal(50, (await SpansAsync(coordinator, trace, 50)).Count);
    }

    private static Metadata Traced(string trace, string parent) => new() { { "traceparent", $"00-{trace}-{parent}-01" } };

    private static async Task<ExportTraceServiceResponse> SendAsync(RunningCoordinator coordinator, params Span[] spans) =>
        await new TraceService.TraceServiceClient(coordinator.Grpc).ExportAsync(SpanFactory.Export(spans), cancellationToken: Cancellation);

    private static async Task<IReadOnlyList<TraceSpan>> SpansAsync(RunningCoordinator coordinator, string trace, int count)
    {
        IReadOnlyList<TraceSpan> spans = [];
        await Eventually.TrueAsync(
            async () => (spans = await coordinator.Get<TraceStore>().ReadAsync(trace, Cancellation)).Count >= count, RunningCoordinator.Patience);
        return spans;
    }
}
