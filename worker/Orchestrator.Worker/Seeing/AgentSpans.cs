using System.Diagnostics;
using Orchestrator.V1;

namespace Orchestrator.Worker.Seeing;

/// <summary>The agent's spans: one a task, under the generation's.</summary>
internal static class AgentSpans
{
    private static readonly ActivitySource Source = new("Orchestrator.Agent");

    /// <summary>The caller's own current span stays as it is; the task makes this one current where it runs.</summary>
    public static Activity? StartTask(AssignTask task)
    {
        var before = Activity.Current;
        var span = Source.StartActivity("task", ActivityKind.Consumer, TraceParent.Parse(task.TraceParent));
        Activity.Current = before;
        return span.Describe(task);
    }
}
