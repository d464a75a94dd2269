using System.Diagnostics;
using Google.Protobuf;
using OpenTelemetry;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Trace.V1;
using ResourceMessage = OpenTelemetry.Proto.Resource.V1.Resource;
using StatusMessage = OpenTelemetry.Proto.Trace.V1.Status;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Hands the coordinator's own spans to the same intake as everybody else's.</summary>
internal sealed class OwnSpans(TraceIntake intake) : BaseExporter<Activity>
{
    private ResourceMessage? _resource;

    public override ExportResult Export(in Batch<Activity> batch)
    {
        var scopes = new Dictionary<string, ScopeSpans>(StringComparer.Ordinal);
        foreach (var activity in batch)
        {
            if (!scopes.TryGetValue(activity.Source.Name, out var scope))
            {
                scopes[activity.Source.Name] = scope = new ScopeSpans { Scope = new InstrumentationScope { Name = activity.Source.Name } };
            }

            scope.Spans.Add(ToSpan(activity));
        }

        _resource ??= new ResourceMessage { Attributes = { ParentProvider.GetResource().Attributes.Select(attribute => Pair(attribute.Key, attribute.Value)) } };
        intake.Take(new ResourceSpans { Resource = _resource, ScopeSpans = { scopes.Values } });
        return ExportResult.Success;
    }

    private static Span ToSpan(Activity activity)
    {
        var start = (ulong)(activity.StartTimeUtc - DateTime.UnixEpoch).Ticks * 100;
        var span = new Span
        {
            TraceId = Bytes(activity.TraceId.ToHexString()),
            SpanId = Bytes(activity.SpanId.ToHexString()),
            ParentSpanId = activity.ParentSpanId == default ? ByteString.Empty : Bytes(activity.ParentSpanId.ToHexString()),
            TraceState = activity.TraceStateString ?? "",
            Name = activity.DisplayName,
            Kind = (Span.Types.SpanKind)(activity.Kind + 1),
            StartTimeUnixNano = start,
            EndTimeUnixNano = start + ((ulong)activity.Duration.Ticks * 100),
            Attributes = { activity.TagObjects.Select(tag => Pair(tag.Key, tag.Value)) },
            Events = { activity.Events.Select(ToEvent) },
            Links = { activity.Links.Select(link => new Span.Types.Link { TraceId = Bytes(link.Context.TraceId.ToHexString()), SpanId = Bytes(link.Context.SpanId.ToHexString()) }) },
        };
        if (activity.Status != ActivityStatusCode.Unset)
        {
            span.Status = new StatusMessage { Code = (StatusMessage.Types.StatusCode)activity.Status, Message = activity.StatusDescription ?? "" };
        }

        return span;
    }

    private static Span.Types.Event ToEvent(ActivityEvent happened) => new()
    {
        Name = happened.Name,
        TimeUnixNano = (ulong)(happened.Timestamp.UtcDateTime - DateTime.UnixEpoch).Ticks * 100,
        Attributes = { happened.Tags.Select(tag => Pair(tag.Key, tag.Value)) },
    };

    private static KeyValue Pair(string key, object? value) => new()
    {
        Key = key,
        Value = value switch
        {
            bool flag => new AnyValue { BoolValue = flag },
            double or float => new AnyValue { DoubleValue = Convert.ToDouble(value) },
            long or int or short or byte or uint or ushort or sbyte => new AnyValue { IntValue = Convert.ToInt64(value) },
            _ => new AnyValue { StringValue = value?.ToString() ?? "" },
        },
    };

    private static ByteString Bytes(string hex) => ByteString.CopyFrom(Convert.FromHexString(hex));
}
