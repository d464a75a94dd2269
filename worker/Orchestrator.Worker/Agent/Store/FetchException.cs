namespace Orchestrator.Worker.Agent.Store;

/// <summary>A dataset or checkpoint that can't be had, whatever one waits; <paramref name="kind"/> is the task's failure kind.</summary>
internal sealed class FetchException(string kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Kind { get; } = kind;
}
