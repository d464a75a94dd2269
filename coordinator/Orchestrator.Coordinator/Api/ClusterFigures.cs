namespace Orchestrator.Coordinator.Api;

/// <summary>What the cluster looks like at this moment. Who knows a figure sets its function; it is called on every read, from any thread, and must be quick.</summary>
public sealed class ClusterFigures
{
    /// <summary>Agents that are ready.</summary>
    public Func<int> Workers { get; set; } = () => 0;

    /// <summary>Their slots.</summary>
    public Func<int> Slots { get; set; } = () => 0;

    /// <summary>Slots that waiting and running runs could use at once; what an autoscaler follows.</summary>
    public Func<int> SlotsWanted { get; set; } = () => 0;

    /// <summary>Messages that the broker gave up on.</summary>
    public Func<long> DeadLetters { get; set; } = () => 0;
}
