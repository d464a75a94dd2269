namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>Why the agent ends a trainer.</summary>
internal enum EndReason
{
    /// <summary>The coordinator asked: it hears that the task has ended.</summary>
    Stopped,

    /// <summary>A newer generation has its place: nobody wants to hear of it.</summary>
    Fenced,

    /// <summary>The agent drains: the work goes elsewhere, at no cost to its budget.</summary>
    Preempted,

    /// <summary>No sign of life from its process: the work goes on without it.</summary>
    Frozen,

    /// <summary>The cluster goes down.</summary>
    Shutdown,
}
