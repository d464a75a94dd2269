using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Sweeps;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Takes ended runs away, with their checkpoints and logs.</summary>
internal sealed class RunRemoval(RunCoordinator runs, RunTable table, RunLogs logs, IArtifactStore artifacts) : ISweepRuns
{
    /// <inheritdoc/>
    public async Task RemoveAllOfAsync(string sweep, CancellationToken cancellationToken)
    {
        var states = table.List().Where(state => state.Trial?.Sweep == sweep).ToArray();
        if (states.FirstOrDefault(state => !HasEnded(state)) is { } running)
        {
            throw new UserException(StatusCode.FailedPrecondition, "still-running", $"run {running.Id} of the sweep is still {running.Name}", "try again once it has ended");
        }

        foreach (var state in states)
        {
            await RemoveAsync(state, cancellationToken);
        }
    }

    /// <exception cref="UserException">FAILED_PRECONDITION <c>still-running</c>.</exception>
    public async Task RemoveAsync(RunState state, CancellationToken cancellationToken)
    {
        if (!HasEnded(state))
        {
            throw new UserException(StatusCode.FailedPrecondition, "still-running", $"run {state.Id} is {state.Name}", $"cancel it first: orch run cancel {state.Id}");
        }

        foreach (var checkpoint in state.Checkpoints)
        {
            await artifacts.DeleteAsync(checkpoint.Id, cancellationToken);
        }

        await runs.DeleteAsync(state.Id, cancellationToken);
        logs.Delete(state.Id);
    }

    /// <summary>A winner that is being scored has its outcome already, and is at work.</summary>
    private static bool HasEnded(RunState state) => state is { Outcome: not null, IsActive: false };
}
