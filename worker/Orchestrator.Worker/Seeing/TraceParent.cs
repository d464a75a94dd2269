using System.Diagnostics;
using Orchestrator.V1;

namespace Orchestrator.Worker.Seeing;

internal static class TraceParent
{
    /// <summary>The W3C context; a root's where it is absent or broken.</summary>
    public static ActivityContext Parse(string text) => ActivityContext.TryParse(text, null, isRemote: true, out var context) ? context : default;

    /// <summary>What task and train spans say of their task.</summary>
    public static Activity? Describe(this Activity? span, AssignTask task)
    {
        span?.SetTag("run", task.Run).SetTag("generation", task.Generation).SetTag("rank", task.Rank).SetTag("world_size", task.WorldSize);
        if (task.Sweep.Length > 0)
        {
            span?.SetTag("sweep", task.Sweep).SetTag("trial", task.Trial);
        }

        return span;
    }
}
