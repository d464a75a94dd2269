using System.Security.Cryptography;
using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Resource.V1;
using OpenTelemetry.Proto.Trace.V1;
using Orchestrator.Coordinator.Traces;

namespace Orchestrator.Coordinator.Tests.Traces;

internal static class SpanFactory
{
    public static string NewTrace() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public static string NewSpan() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    public static Span Span(string trace, string name, string parent = "", ulong start = 1_000_000_000_000_000_000, ulong nanoseconds = 1000) => new()
    {
        TraceId = ByteString.CopyFrom(Convert.FromHexString(trace)),
        SpanId = ByteString.CopyFrom(Convert.FromHexString(NewSpan())),
        ParentSpanId = ByteString.CopyFrom(Convert.FromHexString(parent)),
        Name = name,
        StartTimeUnixNano = start,
        EndTimeUnixNano = start + nanoseconds,
    };

    public static ExportTraceServiceRequest Export(params Span[] spans) => new()
    {
        ResourceSpans =
        {
            new ResourceSpans
            {
                Resource = new Resource { Attributes = { Pair("service.name", new AnyValue { StringValue = "trainer" }), Pair("process.pid", new AnyValue { IntValue = 4321 }) } },
                ScopeSpans = { new ScopeSpans { Spans = { spans } } },
            },
        },
    };

    public static KeyValue Pair(string key, AnyValue value) => new() { Key = key, Value = value };

    public static SpanRow Row(string trace, string name, long nanoseconds = 1000) => new(trace, NewSpan(), "", name, "trainer", 1, 1000, 1000 + nanoseconds, "{}");
}
