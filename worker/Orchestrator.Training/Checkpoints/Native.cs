using System.Runtime.InteropServices;

namespace Orchestrator.Training.Checkpoints;

/// <summary>Calls of the C library.</summary>
internal static partial class Native
{
    private const int ReadOnlyDirectory = 0x10000;

    /// <summary>Returns once the folder's entries are on the disk: a rename counts only then.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void SyncDirectory(string path)
    {
        var file = Open(path, ReadOnlyDirectory);
        if (file < 0)
        {
            throw new IOException($"{path}: can't be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var failed = Fsync(file) != 0;
        var reason = failed ? Marshal.GetLastPInvokeErrorMessage() : "";
        _ = Close(file);
        if (failed)
        {
            throw new IOException($"{path}: can't be written to the disk: {reason}");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
