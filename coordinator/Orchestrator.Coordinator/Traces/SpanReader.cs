using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Trace.V1;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Turns OTLP's spans into rows. What others send is cut to size: names to 256 characters, 64 attributes of 1,024 characters each.</summary>
internal static class SpanReader
{
    private const int LongestName = 256;
    private const int LongestValue = 1024;
    private const int MostAttributes = 64;
    private const int DeepestValue = 4;

    /// <returns>The rows, and how many spans had no proper identifiers.</returns>
    public static (IReadOnlyList<SpanRow> Rows, int Rejected) Read(ResourceSpans source)
    {
        var service = Shortened(Text(source, "service.name"), LongestName);
        _ = int.TryParse(Text(source, "process.pid"), NumberStyles.None, CultureInfo.InvariantCulture, out var process);
        var rows = new List<SpanRow>();
        var rejected = 0;
        foreach (var span in source.ScopeSpans.SelectMany(scope => scope.Spans))
        {
            if (span.TraceId.Length != 16 || span.SpanId.Length != 8 || span.ParentSpanId.Length is not (0 or 8))
            {
                rejected++;
                continue;
            }

            rows.Add(new SpanRow(
                Hex(span.TraceId), Hex(span.SpanId), Parent(span.ParentSpanId), Shortened(span.Name, LongestName), service, process,
                (long)Math.Min(span.StartTimeUnixNano, long.MaxValue), (long)Math.Min(span.EndTimeUnixNano, long.MaxValue), Attributes(span)));
        }

        return (rows, rejected);
    }

    private static string Attributes(Span span)
    {
        var attributes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var attribute in span.Attributes.Take(MostAttributes))
        {
            attributes[Shortened(attribute.Key, LongestName)] = Shortened(Text(attribute.Value, 0), LongestValue);
        }

        if (span.Status?.Code == Status.Types.StatusCode.Error)
        {
            attributes["error"] = span.Status.Message.Length == 0 ? "true" : Shortened(span.Status.Message, LongestValue);
        }

        return JsonSerializer.Serialize(attributes);
    }

    private static string Text(ResourceSpans source, string key) => source.Resource?.Attributes.FirstOrDefault(attribute => attribute.Key == key) is { } found ? Text(found.Value, 0) : "";

    private static string Text(AnyValue? value, int depth) => value?.ValueCase switch
    {
        _ when depth > DeepestValue => "…",
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => value.DoubleValue.ToString("R", CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.ArrayValue => $"[{string.Join(", ", value.ArrayValue.Values.Take(MostAttributes).Select(item => Text(item, depth + 1)))}]",
        AnyValue.ValueOneofCase.KvlistValue =>
            $"{{{string.Join(", ", value.KvlistValue.Values.Take(MostAttributes).Select(item => $"{item.Key}: {Text(item.Value, depth + 1)}"))}}}",
        AnyValue.ValueOneofCase.BytesValue => value.BytesValue.ToBase64(),
        _ => "",
    };

    private static string Hex(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    /// <summary>Some senders write a root's parent as zeros.</summary>
    private static string Parent(ByteString bytes) => bytes.Span.ContainsAnyExcept((byte)0) ? Hex(bytes) : "";

    private static string Shortened(string text, int length) => text.Length <= length ? text : string.Concat(text.AsSpan(0, length - 1), "…");
}
