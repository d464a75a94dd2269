using System.Runtime.InteropServices;

namespace Orchestrator.Cli.Hosting;

/// <summary>The few calls of libc that .NET has no name for.</summary>
internal static partial class Native
{
    public const int Terminate = 15;

    public const int Kill = 9;

    public const int Stop = 19;

    public const int Continue = 18;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Signal(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Execute(string file, string?[] arguments);
}
