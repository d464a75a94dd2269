namespace Orchestrator.Worker.Trainer;

/// <summary>The memory of a process that has nothing to do for a while belongs to others.</summary>
internal static class ProcessMemory
{
    public static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        try
        {
            // The C library keeps what is freed (HostAllocator), so that a step finds it again.
            Native.Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library.
        }
    }
}
