namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>Whether a trainer is frozen can be told only by one who was not held up itself: who looks has to have come on time for as long as a trainer may be silent.</summary>
internal sealed class Punctuality(TimeSpan interval, TimeSpan silence, TimeProvider time)
{
    private int onTime;
    private long last = time.GetTimestamp();

    /// <summary>Called once an interval.</summary>
    public bool IsOnTime()
    {
        onTime = time.GetElapsedTime(last) < 2 * interval ? onTime + 1 : 0;
        last = time.GetTimestamp();
        return onTime * interval >= silence;
    }
}
