namespace Orchestrator.Data.Formats;

/// <summary>Tells a full disk from the other troubles of a file.</summary>
public static class DiskSpace
{
    // errno of Linux, which .NET passes on as the result.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    /// <summary>Whether there was no room: it may work as soon as somebody makes some.</summary>
    public static bool IsFull(Exception error) => error is IOException && (error.HResult & 0xFFFF) is NoSpace or QuotaExceeded;
}
