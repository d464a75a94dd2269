using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>What /proc knows of processes, and signals to them.</summary>
internal static partial class Processes
{
    public const int Terminate = 15;
    public const int Kill = 9;
    public const int Stop = 19;
    public const int Continue = 18;

    public static void Signal(int pid, int signal)
    {
        // 0, 1 and below mean groups, or everything.
        ArgumentOutOfRangeException.ThrowIfLessThan(pid, 2);
        _ = NativeKill(pid, signal);
    }

    /// <summary>False for one that is gone, or dead and not collected by its parent yet.</summary>
    public static bool IsAlive(int pid) => StatOf(pid) is { State: not ('Z' or 'X') };

    public static IReadOnlyList<int> ChildrenOf(int pid) => [.. All().Where(child => StatOf(child) is { State: not ('Z' or 'X') } stat && stat.Parent == pid)];

    /// <summary>Living processes that were started, directly or not, with this variable in their environment.</summary>
    public static IReadOnlyList<int> WithVariable(string name, string value)
    {
        var sought = Encoding.UTF8.GetBytes($"{name}={value}");
        return [.. All().Where(pid => IsAlive(pid) && EnvironmentOf(pid).AsSpan().IndexOf(sought) >= 0)];
    }

    /// <summary>As typed, for the messages of tests.</summary>
    public static string CommandLine(int pid)
    {
        try
        {
            return $"{pid} {File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ')}";
        }
        catch (IOException)
        {
            return $"{pid} (gone)";
        }
    }

    private static IEnumerable<int> All() =>
        Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 1);

    private static byte[] EnvironmentOf(int pid)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{pid}/environ");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Of proc(5); null where there is no such process.</summary>
    private static (char State, int Parent)? StatOf(int pid)
    {
        try
        {
            // The name, in parentheses, may hold anything.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NativeKill(int pid, int signal);
}
