using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Coordinator.Artifacts;

/// <summary>What makes files outlive a power cut: the bytes, then the folder's entry.</summary>
internal static partial class Durable
{
    /// <summary>Makes a rename or a new file in this folder durable.</summary>
    public static void FlushFolder(string path)
    {
        using var handle = OpenFolder(path);
        if (Fsync(handle) != 0)
        {
            throw new IOException($"{path} could not be flushed", Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Replaces a small file as a whole: written aside, flushed, renamed.</summary>
    public static async Task ReplaceAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var aside = $"{path}.{Guid.NewGuid():n}.new";
        try
        {
            await using (var file = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1))
            {
                await file.WriteAsync(bytes, cancellationToken);
                file.Flush(flushToDisk: true);
            }

            File.Move(aside, path, overwrite: true);
            FlushFolder(Path.GetDirectoryName(path)!);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    private static SafeFileHandle OpenFolder(string path)
    {
        const int ReadOnlyCloseOnExec = 0x80000;
        var descriptor = Open(path, ReadOnlyCloseOnExec);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"{path} could not be opened", Marshal.GetLastPInvokeError());
    }

    // File.OpenHandle refuses folders, so these two come from libc itself.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle handle);
}
