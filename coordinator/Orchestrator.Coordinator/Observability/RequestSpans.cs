using System.Diagnostics;

namespace Orchestrator.Coordinator.Observability;

/// <summary>
/// Which requests become spans: those that change something, and reads that belong to a trace already. Others would be a trace each: a dashboard or a
/// scaler that looks every few seconds would push the sweeps' traces out.
/// </summary>
internal static class RequestSpans
{
    private const string Ours = "/orchestrator.v1.";
    private const string AgentSession = "/orchestrator.v1.AgentService/Session";

    private static readonly string[] Reads = ["Get", "List", "Watch", "Find", "Fetch"];

    public static bool Wanted(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        var changes = path.StartsWith(Ours, StringComparison.Ordinal)
            ? path != AgentSession && !Array.Exists(Reads, verb => MethodOf(path).StartsWith(verb, StringComparison.Ordinal))
            : path.StartsWith("/v1/", StringComparison.Ordinal) && !HttpMethods.IsGet(context.Request.Method);
        var belongs = context.Request.Headers.TraceParent.Count > 0 && path != AgentSession
            && (path.StartsWith(Ours, StringComparison.Ordinal) || path.StartsWith("/v1/", StringComparison.Ordinal));
        return changes || belongs;
    }

    /// <summary>Names a gRPC call's span by its method: <c>orchestrator.v1.SweepService/SubmitSweep</c>.</summary>
    public static void Name(Activity activity, HttpRequest request)
    {
        if (request.Path.Value is { } path && path.StartsWith(Ours, StringComparison.Ordinal))
        {
            activity.DisplayName = path[1..];
        }
    }

    private static ReadOnlySpan<char> MethodOf(string path) => path.AsSpan(path.LastIndexOf('/') + 1);
}
