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
    public bool IsRunning
    {
        get
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{server}/stat");
                return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

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

    /// <summary>SIGKILL to the whole group, at once.</summary>
    public void Kill()
    {
        // The system call, not the program: procps 4.0.2 reads `kill -KILL -1234` as "every process of the machine".
        if (IsRunning && Native.GroupOf(server) == server)
        {
            _ = Native.Kill(-server, Native.SigKill);
        }

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

    private static class Native
    {
        public const int SigKill = 9;

        [DllImport("libc", EntryPoint = "kill")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int pid, int signal);

        [DllImport("libc", EntryPoint = "getpgid")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int GroupOf(int pid);
    }
}
