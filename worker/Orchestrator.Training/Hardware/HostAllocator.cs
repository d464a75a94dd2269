namespace Orchestrator.Training;

/// <summary>
/// How the C library keeps memory for a process that allocates and frees the same few large tensors at every step. Left alone it gives them back to the system and takes them again, page by page:
/// a sixth of a small network's step. Decides no bit; must stand before the process starts; other C libraries ignore it.
/// </summary>
public static class HostAllocator
{
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        // From the heap, whatever the size up to 1 GiB, and kept there.
        ["MALLOC_MMAP_THRESHOLD_"] = "1073741824",
        ["MALLOC_TRIM_THRESHOLD_"] = "1099511627776",
        ["MALLOC_TOP_PAD_"] = "67108864",

        // In huge pages, where the system lets a process ask for them.
        ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1",
    };
}
