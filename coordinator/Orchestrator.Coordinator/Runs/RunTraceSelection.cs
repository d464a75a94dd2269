using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Of a trace that may be a whole sweep's: what led to a run, and what happened in it.</summary>
internal static class RunTraceSelection
{
    /// <summary>Spans whose attribute <c>run</c> is the run's, everything below them, and their ancestors; by start.</summary>
    public static IEnumerable<TraceSpan> Select(IReadOnlyList<TraceSpan> spans, string run)
    {
        var byId = spans.GroupBy(span => span.Id, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        var children = spans.ToLookup(span => span.Parent, StringComparer.Ordinal);
        var chosen = new HashSet<string>(StringComparer.Ordinal);
        var below = new Stack<TraceSpan>(spans.Where(span => span.Attributes.TryGetValue("run", out var named) && named == run));
        foreach (var own in below.ToArray())
        {
            for (var ancestor = own; ancestor.Parent.Length > 0 && byId.TryGetValue(ancestor.Parent, out var parent) && chosen.Add(parent.Id); ancestor = parent)
            {
            }
        }

        var visited = new HashSet<string>(StringComparer.Ordinal);
        while (below.TryPop(out var span))
        {
            chosen.Add(span.Id);
            if (!visited.Add(span.Id))
            {
                continue;
            }

            foreach (var child in children[span.Id])
            {
                // A sweep's messages run through each other: another run's part stays out.
                if (!child.Attributes.TryGetValue("run", out var named) || named == run)
                {
                    below.Push(child);
                }
            }
        }

        return spans.Where(span => chosen.Contains(span.Id)).OrderBy(span => span.StartUnixNano);
    }
}
