using System.Diagnostics;
using System.Runtime.InteropServices;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Hosting;

/// <summary>Starts other programs, and looks after processes by their number.</summary>
public static class Programs
{
    /// <summary>The dotnet command that runs this process, or the one on the path.</summary>
    public static string Dotnet =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path
        : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host
        : "dotnet";

    /// <summary>
    /// Becomes <c>dotnet ASSEMBLY ARGUMENTS</c>: same process, same streams, so that signals and the exit code need no passing on.
    /// </summary>
    /// <exception cref="CliException">The program can't be started. There is no other return.</exception>
    public static CliException Become(string assembly, IEnumerable<string> arguments)
    {
        Console.Out.Flush();
        string?[] line = [Dotnet, assembly, .. arguments, null];
        _ = Native.Execute(Dotnet, line);
        return CliException.Failed($"{Dotnet} can't be started: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    /// <summary>
    /// Starts <c>dotnet ASSEMBLY ARGUMENTS</c> in a session of its own, which no Ctrl-C of this terminal reaches, with its output in a file.
    /// </summary>
    public static Process StartApart(string assembly, IReadOnlyList<string> arguments, string log)
    {
        // The shell turns into the program, so that the child's number is the program's own.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("""log="$0"; exec setsid "$@" </dev/null >>"$log" 2>&1""");
        start.ArgumentList.Add(log);
        start.ArgumentList.Add(Dotnet);
        start.ArgumentList.Add(assembly);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw CliException.Failed($"{Dotnet} can't be started");
    }

    /// <summary>False for one that is gone, or dead and not yet collected by its parent.</summary>
    public static bool IsAlive(int pid)
    {
        try
        {
            // The state follows the command's name, which stands in brackets and may hold anything.
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[text.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <returns>False where it still lives after that time.</returns>
    public static async Task<bool> IsGoneWithinAsync(int pid, TimeSpan limit, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        while (IsAlive(pid))
        {
            if (watch.Elapsed > limit)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellation);
        }

        return true;
    }

    /// <summary>Ends every process of the session that <see cref="StartApart"/> began.</summary>
    public static void KillSession(int pid) => _ = Native.Signal(-pid, Native.Kill);

    /// <summary>SIGKILL.</summary>
    public static void Kill(int pid) => _ = Native.Signal(pid, Native.Kill);

    /// <summary>SIGSTOP.</summary>
    public static void Freeze(int pid) => _ = Native.Signal(pid, Native.Stop);

    /// <summary>SIGCONT.</summary>
    public static void Thaw(int pid) => _ = Native.Signal(pid, Native.Continue);

    /// <summary>SIGSTOP for every process of the session that <see cref="StartApart"/> began: as for its peers a machine whose cable is pulled.</summary>
    public static void FreezeSession(int pid) => _ = Native.Signal(-pid, Native.Stop);

    /// <summary>SIGCONT for all that <see cref="FreezeSession"/> stopped.</summary>
    public static void ThawSession(int pid) => _ = Native.Signal(-pid, Native.Continue);

    public static void Terminate(int pid) => _ = Native.Signal(pid, Native.Terminate);
}
