using System.Diagnostics;
using System.Text;

namespace Orchestrator.Worker.Tests.Cluster;

/// <summary>The real program, as an agent.</summary>
internal sealed class AgentProcess : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder errors = new();

    public AgentProcess(string coordinator, string dataDirectory, params string[] more)
        : this(coordinator, dataDirectory, null, more)
    {
    }

    /// <param name="limit">On its own and its trainers' memory together.</param>
    public AgentProcess(string coordinator, string dataDirectory, MemoryLimit? limit, params string[] more)
    {
        string[] arguments = ["agent", "--coordinator", coordinator, "--data-dir", dataDirectory, .. more];
        var (file, line) = limit?.Around(Program, arguments) ?? (Program, arguments);
        process = Process.Start(new ProcessStartInfo(file, line)
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public static string Program => Path.Combine(AppContext.BaseDirectory, "Orchestrator.Worker");

    public int Pid => process.Id;

    public string Errors
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    public IReadOnlyList<int> Trainers => Processes.ChildrenOf(Pid);

    public async Task<int> ExitAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync(patience.Token);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (errors)
        {
            errors.AppendLine(line);
        }
    }
}
