using System.Collections.Concurrent;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>A trainer that an agent pretends to run.</summary>
internal sealed class FakeTask(AssignTask assign)
{
    private readonly TaskCompletionSource<BeginGeneration> begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public AssignTask Assign => assign;

    public TaskKey Key { get; } = new(assign.Run, assign.Generation, assign.Rank);

    /// <summary>starting ready training, as the agent would announce it.</summary>
    public string State { get; set; } = "starting";

    /// <summary>Of its heartbeats.</summary>
    public string Phase { get; set; } = "loading";

    public long Silent { get; set; }

    public long Step { get; set; }

    public int Epoch { get; set; }

    public Task<BeginGeneration> Begun => begun.Task;

    /// <summary>Ends with whether it may finish its epoch.</summary>
    public Task<bool> Stopped => stopped.Task;

    /// <summary>The last one that it was told to begin; 0 before the first.</summary>
    public int Generation { get; private set; }

    /// <summary>The words to begin that have come, in order.</summary>
    public ConcurrentQueue<BeginGeneration> Words { get; } = [];

    public void Begin(BeginGeneration begin)
    {
        if (begin.Generation > Generation)
        {
            (Generation, State, Phase) = (begin.Generation, "training", "training");
            Words.Enqueue(begin);
            begun.TrySetResult(begin);
        }
    }

    /// <summary>The word to begin never came: its trainer still waits.</summary>
    public void Miss() => (Generation, State) = (0, "ready");

    public void Stop(bool gracefully) => stopped.TrySetResult(gracefully);
}
