using System.Text;
using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>A trace as text: a line a span, indented below its parent, with a bar where it lies in time and its duration.</summary>
public static class Waterfall
{
    private const int BarWidth = 40;

    private const int SiblingsOfOneName = 3;

    private const int LongestName = 44;

    /// <summary>
    /// The trace's lines. Of siblings that share a name the first three are shown and the others summed up in a line; spans whose parent is not
    /// in the trace are shown as roots.
    /// </summary>
    public static IEnumerable<string> Lines(RunTrace trace)
    {
        if (trace.Spans.Count == 0)
        {
            yield return $"trace {trace.TraceId}: no spans yet";
            yield break;
        }

        var known = trace.Spans.Select(span => span.Id).ToHashSet(StringComparer.Ordinal);
        var children = trace.Spans.ToLookup(span => known.Contains(span.Parent) ? span.Parent : "", StringComparer.Ordinal);
        var start = trace.Spans.Min(span => span.StartUnixNano);
        var end = Math.Max(trace.Spans.Max(span => span.EndUnixNano), start + 1);
        var rows = new List<Row>();
        Descend(children, "", 0, rows);
        var nameWidth = Math.Min(LongestName, rows.Max(row => row.Name.Length));
        var processes = trace.Spans.Select(span => (span.Service, span.ProcessId)).Distinct().Count();
        yield return $"trace {trace.TraceId}: {trace.Spans.Count} spans, {processes} processes, {Plain.Seconds((end - start) / 1e9)}";
        foreach (var row in rows)
        {
            var name = row.Name.Length > nameWidth ? row.Name[..(nameWidth - 1)] + "…" : row.Name.PadRight(nameWidth);
            var bar = row.Start is { } from ? Bar(from - start, row.End - start, end - start) : new string(' ', BarWidth);
            yield return $"{name} │{bar}│ {row.Duration,8}  {row.Service}".TrimEnd();
        }
    }

    private static void Descend(ILookup<string, TraceSpan> children, string parent, int depth, List<Row> rows)
    {
        var indent = new string(' ', depth * 2);
        var shown = new Dictionary<string, int>(StringComparer.Ordinal);
        var ordered = children[parent].OrderBy(span => span.StartUnixNano).ThenBy(span => span.Id, StringComparer.Ordinal).ToList();
        foreach (var span in ordered)
        {
            var count = shown[span.Name] = shown.GetValueOrDefault(span.Name) + 1;
            if (count <= SiblingsOfOneName)
            {
                rows.Add(new(indent + span.Name, span.StartUnixNano, span.EndUnixNano, Length(span), span.Service));
                Descend(children, span.Id, depth + 1, rows);
            }
        }

        foreach (var (name, count) in shown.Where(entry => entry.Value > SiblingsOfOneName).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var seconds = ordered.Where(span => span.Name == name).Skip(SiblingsOfOneName).Sum(span => span.EndUnixNano - span.StartUnixNano) / 1e9;
            rows.Add(new($"{indent}… {count - SiblingsOfOneName} more {name}", null, 0, Plain.Seconds(seconds), ""));
        }
    }

    private static string Length(TraceSpan span) => Plain.Seconds(Math.Max(0, span.EndUnixNano - span.StartUnixNano) / 1e9);

    private static string Bar(long from, long to, long whole)
    {
        var first = Math.Min(BarWidth - 1, (int)((double)from / whole * BarWidth));
        var last = Math.Clamp((int)Math.Ceiling((double)to / whole * BarWidth), first + 1, BarWidth);
        return new StringBuilder().Append(' ', first).Append('█', last - first).Append(' ', BarWidth - last).ToString();
    }

    private sealed record Row(string Name, long? Start, long End, string Duration, string Service);
}
