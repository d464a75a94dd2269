namespace Orchestrator.Control.Sweeps;

/// <summary>
/// When something of a trial is due in a sweep's logical time. A trial that starts at tick t has its first report due at t + 1, its second at t + 2, and its
/// end in the place of the report that does not come. Ties go to the lower trial.
/// </summary>
public readonly record struct LogicalTime(long Tick, int Trial) : IComparable<LogicalTime>
{
    public int CompareTo(LogicalTime other) => Tick != other.Tick ? Tick.CompareTo(other.Tick) : Trial.CompareTo(other.Trial);

    public static bool operator <(LogicalTime left, LogicalTime right) => left.CompareTo(right) < 0;

    public static bool operator >(LogicalTime left, LogicalTime right) => left.CompareTo(right) > 0;

    public static bool operator <=(LogicalTime left, LogicalTime right) => left.CompareTo(right) <= 0;

    public static bool operator >=(LogicalTime left, LogicalTime right) => left.CompareTo(right) >= 0;
}
