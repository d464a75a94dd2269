using System.Globalization;
using Orchestrator.Data.Formats;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>The coordinator's folder, held by one coordinator at a time: the kernel lets the lock go when its process ends, however it ends.</summary>
public sealed class DataDirectory : IDisposable
{
    private const string LockFile = "lock";
    private const string HolderFile = "lock.pid";

    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>A path in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the folder where it is not there, checks that it can be written, and takes the lock.</summary>
    /// <exception cref="StartupException">It can't be written, the disk is full, or another coordinator has it.</exception>
    public static DataDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            // The journal is nobody else's business.
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var held = Lock(path);
            try
            {
                // Beside the lock: .NET lets nobody read a file that is locked.
                File.WriteAllText(System.IO.Path.Combine(path, HolderFile), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
                return new DataDirectory(path, held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw new StartupException($"no space left in the data directory {path}", "free some, or name another with --data-dir", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"the data directory {path} can't be written: {error.Message.TrimEnd('.')}", "name another with --data-dir", error);
        }
    }

    public void Dispose()
    {
        File.Delete(this[HolderFile]);
        _lock.Dispose();
    }

    private static FileStream Lock(string path)
    {
        var file = System.IO.Path.Combine(path, LockFile);
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        }
        catch (IOException error) when (!DiskSpace.IsFull(error) && File.Exists(file))
        {
            throw new StartupException(
                $"the data directory {path} belongs to a running coordinator (process {HolderOf(path)})", "end it with `orch down`, or name another with --data-dir", error);
        }
    }

    private static string HolderOf(string path)
    {
        try
        {
            return File.ReadAllText(System.IO.Path.Combine(path, HolderFile));
        }
        catch (IOException)
        {
            return "unknown";
        }
    }
}
