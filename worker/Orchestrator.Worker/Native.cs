using System.Runtime.InteropServices;

namespace Orchestrator.Worker;

internal static partial class Native
{
    /// <summary>Ends the process now, whatever its other threads are in the middle of.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitNow(int code);

    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Signal(int pid, int signal);

    /// <summary>The process, and those that it starts, may look into this one where the system lets only ancestors do so (yama).</summary>
    public static void LetLook(int pid) => _ = Control(SetPtracer, pid, 0, 0, 0);

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int ParentId();

    private const int SetPtracer = 0x59616d61;

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nint argument, nint third, nint fourth, nint fifth);

    /// <summary>Gives memory that is free back to the system.</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    public static partial int Trim(nuint pad);

    /// <summary>Sets what native code sees; <see cref="Environment.SetEnvironmentVariable(string, string?)"/> changes the managed copy alone.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);
}
