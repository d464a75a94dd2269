using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Orchestrator.Testing;

/// <summary>
/// A server in a process group of its own that never outlives the test: a small shell holds a pipe from the test's process and ends the group when the
/// pipe closes, whatever ended the test.
/// </summary>
internal sealed class ServerProcess : IDisposable
{
    private const string Guard = """
        signal=$1; shift
        setsid "$@" </dev/null >>"$SERVER_LOG" 2>&1 &
        server=$!
        echo $server
        cat >/dev/null
        kill -s "$signal" -- "-$server" 2>/dev/null
        left=150
        while [ $left -gt 0 ]; do kill -0 -- "-$server" 2>/dev/null || break; sleep 0.1; left=$((left - 1)); done
        kill -s KILL -- "-$server" 2>/dev/null
        exit 0
        """;

    private readonly Process guard;
    private readonly int server;

    private ServerProcess(Process guard, int server)
    {
        // Below 2 a negated number would mean a group that is not ours.
        ArgumentOutOfRangeException.ThrowIfLessThan(server, 2);
        this.guard = guard;
        this.server = server;
    }

    /// <summary>Whether it still runs; a zombie does not.</summary>
    public bool IsRunning => IsAlive(server);

    /// <param name="signal">Ends it in good order: INT, TERM, KILL.</param>
    /// <param name="log">Takes what it prints.</param>
    public static ServerProcess Start(string signal, string log, IReadOnlyDictionary<string, string> environment, params string[] command)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        foreach (var argument in (string[])["-c", Guard, "guard", signal, .. command])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["SERVER_LOG"] = log;
        var shell = Process.Start(start)!;
        var pid = int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        return new ServerProcess(shell, pid);
    }

    /// <summary>SIGKILL to the server and all that it started, at once; returns when they are gone.</summary>
    public void Kill()
    {
        // PostgreSQL's backends lead groups of their own, and one in the middle of a statement would finish it. Stopped, the server starts no other while they are counted: the next one would not begin beside it.
        if (IsRunning)
        {
            _ = Native.Kill(server, Native.SigStop);
            SpinWait.SpinUntil(() => Stat(server) is null or ["T" or "Z" or "X", ..], TimeSpan.FromSeconds(15));
        }

        var family = IsRunning ? Family(server) : [];
        foreach (var pid in family)
        {
            // The system call, not the program: procps 4.0.2 reads `kill -KILL -1234` as "every process of the machine".
            _ = Native.Kill(pid, Native.SigKill);
        }

        SpinWait.SpinUntil(() => !family.Exists(IsAlive), TimeSpan.FromSeconds(15));
        Dispose();
    }

    /// <summary>Ends it in good order, by force after 15 seconds, and waits until it is gone.</summary>
    public void Dispose()
    {
        if (!guard.HasExited)
        {
            guard.StandardInput.Close();
            guard.WaitForExit();
        }

        guard.Dispose();
    }

    private static bool IsAlive(int pid) => Stat(pid) is [not ("Z" or "X"), ..];

    /// <summary>Of proc(5), from the state on: state, parent, ...; null where there is no such process. The name before it may hold anything.</summary>
    private static string[]? Stat(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The process, its children, theirs and so on: parents first.</summary>
    private static List<int> Family(int root)
    {
        var children = Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 1)
            .Select(pid => (Pid: pid, Stat: Stat(pid)))
            .Where(process => process.Stat is not null)
            .ToLookup(process => int.Parse(process.Stat![1], CultureInfo.InvariantCulture), process => process.Pid);
        List<int> family = [root];
        for (var next = 0; next < family.Count; next++)
        {
            family.AddRange(children[family[next]]);
        }

        return family;
    }

    private static class Native
    {
        public const int SigKill = 9;
        public const int SigStop = 19;

        [DllImport("libc", EntryPoint = "kill")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int pid, int signal);
    }
}
