using System.Globalization;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>A trainer's process that may be without a task.</summary>
/// <param name="Agent">Whose child it is.</param>
/// <param name="Ticks">Of a core's time, used so far.</param>
internal sealed record SpareProcess(int Pid, int Agent, long Ticks)
{
    // In /proc/PID/stat after the name in brackets, which may hold anything.
    private const int Parent = 1;
    private const int UserTicks = 11;
    private const int SystemTicks = 12;

    /// <summary>Those that are children of the agents.</summary>
    public static IEnumerable<SpareProcess> Of(IEnumerable<int> agents)
    {
        var parents = agents.ToHashSet();
        foreach (var pid in Directory.EnumerateDirectories("/proc").Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var number) ? number : 0).Where(number => number > 0))
        {
            if (Stat(pid) is { } stat && parents.Contains((int)stat[Parent]) && Line(pid).Contains("\0trainer\0", StringComparison.Ordinal))
            {
                yield return new SpareProcess(pid, (int)stat[Parent], stat[UserTicks] + stat[SystemTicks]);
            }
        }
    }

    private static long[]? Stat(int pid) => Read(pid, "stat") is { Length: > 0 } text
        ? [.. text[(text.LastIndexOf(')') + 2)..].Split(' ').Select(field => long.TryParse(field, CultureInfo.InvariantCulture, out var number) ? number : 0)]
        : null;

    private static string Line(int pid) => Read(pid, "cmdline");

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
