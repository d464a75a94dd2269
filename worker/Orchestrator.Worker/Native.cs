using System.Runtime.InteropServices;

namespace Orchestrator.Worker;

internal static partial class Native
{
    /// <summary>Ends the process now, whatever its other threads are in the middle of.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);

    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Signal(int pid, int signal);

    /// <summary>Sets what native code sees; <see cref="Environment.SetEnvironmentVariable(string, string?)"/> changes the managed copy alone.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);
}
