namespace Orchestrator.Coordinator.Sweeps;

/// <summary>The runs that a sweep's trials had, as far as whoever deletes the sweep is concerned.</summary>
public interface ISweepRuns
{
    /// <summary>Takes all of them away with what they left, or none where one has not ended yet.</summary>
    /// <exception cref="Api.UserException">FAILED_PRECONDITION <c>still-running</c>.</exception>
    Task RemoveAllOfAsync(string sweep, CancellationToken cancellationToken);
}
