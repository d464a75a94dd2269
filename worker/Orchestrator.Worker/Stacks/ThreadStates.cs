using System.Globalization;

namespace Orchestrator.Worker.Stacks;

/// <summary>What the kernel says of a process's threads. It answers at once, whatever they do.</summary>
internal static class ThreadStates
{
    private const int MostThreads = 64;

    /// <returns>A line a thread, the main thread first; none where the process has ended.</returns>
    public static IReadOnlyList<string> Of(int pid)
    {
        int[] threads;
        try
        {
            threads = [.. Directory.EnumerateDirectories(Folder(pid)).Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture)).Order()];
        }
        catch (IOException)
        {
            return [];
        }

        var lines = threads.Take(MostThreads).Select(thread => LineOf(thread, Path.Combine(Folder(pid), thread.ToString(CultureInfo.InvariantCulture)))).ToList();
        if (threads.Length > MostThreads)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"and {threads.Length - MostThreads} threads more"));
        }

        return lines;
    }

    /// <param name="stat"><c>ID (NAME) STATE ...</c>; the name may have brackets of its own.</param>
    /// <param name="channel">The kernel's function that it waits in; 0 for none.</param>
    /// <param name="call"><c>NUMBER ARGUMENT ...</c>, -1 outside of a call, or <c>running</c>; empty where we may not know.</param>
    internal static string Describe(int thread, string stat, string channel, string call)
    {
        var nameEnd = stat.LastIndexOf(')');
        var name = nameEnd < 0 ? "?" : stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..nameEnd];
        var state = nameEnd + 2 < stat.Length ? StateOf(stat[nameEnd + 2]) : "gone";
        var waits = channel.Length > 1 ? $" in {channel}" : "";
        var inCall = int.TryParse(call.AsSpan(0, Math.Max(call.IndexOf(' ', StringComparison.Ordinal), 0)), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? $", system call {CallOf(number)}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"thread {thread} ({name}): {state}{waits}{inCall}");
    }

    private static string Folder(int pid) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task");

    private static string LineOf(int thread, string folder) => Describe(thread, Read(folder, "stat"), Read(folder, "wchan"), Read(folder, "syscall"));

    private static string Read(string folder, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, name)).Trim();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string StateOf(char letter) => letter switch
    {
        'R' => "running",
        'S' => "sleeping",
        'D' => "waiting for a device",
        'T' => "stopped",
        't' => "stopped by a debugger",
        'Z' or 'X' => "ended",
        _ => letter.ToString(),
    };

    // Those that threads are found in, as x86-64 numbers them.
    private static string CallOf(int number) => number switch
    {
        0 => "read",
        1 => "write",
        7 => "poll",
        16 => "ioctl",
        17 => "pread64",
        18 => "pwrite64",
        23 => "select",
        24 => "sched_yield",
        35 => "nanosleep",
        44 => "sendto",
        45 => "recvfrom",
        46 => "sendmsg",
        47 => "recvmsg",
        61 => "wait4",
        62 => "kill",
        74 => "fsync",
        75 => "fdatasync",
        202 => "futex",
        230 => "clock_nanosleep",
        232 => "epoll_wait",
        257 => "openat",
        271 => "ppoll",
        281 => "epoll_pwait",
        288 => "accept4",
        _ => number.ToString(CultureInfo.InvariantCulture),
    };
}
