using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Trace.V1;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Wire;

/// <summary>
/// The root of a trace: the command's submit. Written by hand, for one span, instead of by the tracing library, which would be the slowest part
/// of the command to load.
/// </summary>
internal sealed class SubmitSpan
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();

    private readonly ActivitySpanId _span = ActivitySpanId.CreateRandom();

    private readonly TimeProvider _clock;

    private readonly string _name;

    private readonly long _start;

    private SubmitSpan(string name, TimeProvider clock)
    {
        _clock = clock;
        _name = name;
        _start = Now();
    }

    /// <summary>The W3C header: sampled.</summary>
    public string TraceParent => $"00-{_trace.ToHexString()}-{_span.ToHexString()}-01";

    public static SubmitSpan Begin(string name, TimeProvider clock) => new(name, clock);

    /// <summary>Hands the span to the coordinator, which receives OTLP. A trace is no reason to fail a submit: what goes wrong is let go.</summary>
    /// <param name="attribute">Names what was submitted.</param>
    public async Task EndAsync(Connection connection, string attribute, string value, CancellationToken cancellation)
    {
        var span = new Span
        {
            TraceId = Bytes(_trace.ToHexString()),
            SpanId = Bytes(_span.ToHexString()),
            Name = _name,
            Kind = Span.Types.SpanKind.Client,
            StartTimeUnixNano = (ulong)_start,
            EndTimeUnixNano = (ulong)Now(),
            Flags = 1,
        };
        span.Attributes.Add(Attribute(attribute, new() { StringValue = value }));
        var spans = new ResourceSpans { Resource = new(), ScopeSpans = { new ScopeSpans { Spans = { span } } } };
        spans.Resource.Attributes.Add(Attribute("service.name", new() { StringValue = "orch" }));
        spans.Resource.Attributes.Add(Attribute("process.pid", new() { IntValue = Environment.ProcessId }));
        try
        {
            await new TraceService.TraceServiceClient(connection.Calls).ExportAsync(
                new() { ResourceSpans = { spans } }, deadline: DateTime.UtcNow + Patience, cancellationToken: cancellation);
        }
        catch (Exception exception) when (exception is RpcException or CliException && !cancellation.IsCancellationRequested)
        {
            // The trace then begins at the coordinator's own span.
        }
    }

    private static KeyValue Attribute(string key, AnyValue value) => new() { Key = key, Value = value };

    private static ByteString Bytes(string hex) => ByteString.CopyFrom(Convert.FromHexString(hex));

    private long Now() => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
}
