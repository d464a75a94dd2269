using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A trace as <c>run trace --output json</c> prints it.</summary>
internal sealed class RunTrace
{
    private readonly Dictionary<string, JsonElement> spans;

    private RunTrace(JsonElement trace)
    {
        Id = trace.Text("traceId");
        spans = trace.Items("spans").ToDictionary(span => span.Text("id"), StringComparer.Ordinal);
    }

    public string Id { get; }

    public IEnumerable<JsonElement> Spans => spans.Values;

    /// <summary>How many spans are of.</summary>
    public int Processes => Spans.Select(span => span.Number("processId")).Distinct().Count();

    /// <summary>The last spans of a run are there a few seconds after its end: each process sends them when it next does.</summary>
    /// <param name="processes">That take part in it.</param>
    public static async Task<RunTrace> OfAsync(Cluster cluster, string run, int processes)
    {
        for (var patience = DateTime.UtcNow.AddSeconds(60); ; await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            var trace = new RunTrace((await cluster.Orch.JsonAsync("run", "trace", run)).Json());
            if (DateTime.UtcNow > patience || (trace.IsWhole && trace.Processes >= processes))
            {
                return trace;
            }
        }
    }

    /// <summary>Service and name of a span and its ancestors, the root first.</summary>
    public string[] PathTo(JsonElement span) =>
        [.. span.Text("parent").Length > 0 ? PathTo(spans[span.Text("parent")]) : [], $"{span.Text("service")} {span.Text("name")}"];

    /// <summary>Every span's parent is there, and one span alone has none.</summary>
    private bool IsWhole => Spans.All(span => span.Text("parent").Length == 0 || spans.ContainsKey(span.Text("parent")))
        && Spans.Count(span => span.Text("parent").Length == 0) == 1
        && Spans.Any(span => span.Text("name") == "train");
}
