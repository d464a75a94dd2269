using System.Globalization;
using System.Runtime.InteropServices;

namespace Orchestrator.Worker.Tests.Cluster;

internal static partial class Processes
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Stop = 19;
    public const int Continue = 18;

    /// <summary>A zombie has ended; who reaps it is another matter.</summary>
    public static bool Lives(int pid) => Stat(pid) is { } stat && stat.State is not ('Z' or 'X');

    public static IReadOnlyList<int> ChildrenOf(int parent) => [.. Directory.GetDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
        .Where(pid => pid > 0 && Stat(pid) is { } stat && stat.Parent == parent && stat.State is not ('Z' or 'X'))];

    public static void Signal(int pid, int signal) => Assert.Equal(0, SendSignal(pid, signal));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);

    private static (char State, int Parent)? Stat(int pid)
    {
        try
        {
            // The command's name stands in parentheses and may hold anything.
            var text = File.ReadAllText($"/proc/{pid}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
