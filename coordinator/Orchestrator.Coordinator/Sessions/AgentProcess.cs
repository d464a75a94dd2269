using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>An agent's process on this machine, started by this coordinator or by one before it.</summary>
internal sealed class AgentProcess
{
    // Its own session, so that what ends the coordinator leaves it alone; its output goes to a file, for nobody may be there to read a pipe.
    private const string Launch = "log=$1; shift; exec setsid \"$@\" >>\"$log\" 2>&1 </dev/null";
    private const int Kill9 = 9;
    private const int Terminate15 = 15;

    private readonly Process? child;

    private AgentProcess(int pid, int place, Process? child) => (Pid, Place, this.child) = (pid, place, child);

    public int Pid { get; }

    /// <summary>Which of the pool's folders it has.</summary>
    public int Place { get; }

    /// <summary>False once it has ended, a dead child that nobody asked after included.</summary>
    public bool IsAlive => child is not null ? !child.HasExited : StateOf(Pid) is not (null or 'Z' or 'X');

    public static AgentProcess Start(int place, string log, IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (var argument in (string[])["-c", Launch, "agent", log, .. command])
        {
            start.ArgumentList.Add(argument);
        }

        var started = Process.Start(start) ?? throw new InvalidOperationException("The agent could not be started.");
        return new AgentProcess(started.Id, place, started);
    }

    /// <summary>A live process that was started as an agent of this pool; null where it is none of it.</summary>
    /// <param name="folder">Where the pool's agents have their folders, one a place.</param>
    public static AgentProcess? Adopt(int pid, string folder)
    {
        if (StateOf(pid) is null or 'Z')
        {
            return null;
        }

        try
        {
            var arguments = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cmdline").Split('\0');
            var named = Array.IndexOf(arguments, "--data-dir");
            return named >= 0 && named + 1 < arguments.Length && Path.GetDirectoryName(arguments[named + 1]) == folder
                && int.TryParse(Path.GetFileName(arguments[named + 1]), CultureInfo.InvariantCulture, out var place)
                    ? new AgentProcess(pid, place, null)
                    : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Asks the agent to end, as its session would.</summary>
    public void Terminate() => _ = NativeKill(Pid, Terminate15);

    /// <summary>The agent and all that it started: it leads a process group of its own, or is about to.</summary>
    public void Kill()
    {
        if (IsAlive && NativeKill(-Pid, Kill9) != 0)
        {
            _ = NativeKill(Pid, Kill9);
        }
    }

    /// <summary>Of proc(5); null where there is no such process.</summary>
    private static char? StateOf(int pid)
    {
        try
        {
            // The name, in parentheses, may hold anything.
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int NativeKill(int pid, int signal);
}
