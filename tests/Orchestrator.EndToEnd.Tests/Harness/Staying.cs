using System.Diagnostics;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A command that stays: an agent, a watch, a cluster in the foreground.</summary>
internal sealed class Staying(Process process, string log) : IDisposable
{
    public int Pid => process.Id;

    public string Log => File.Exists(log) ? File.ReadAllText(log) : "";

    public void Signal(int signal) => Processes.Signal(Pid, signal);

    /// <returns>Its exit code; 128 + signal where one ended it.</returns>
    public async Task<int> ExitAsync()
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
        }

        process.Dispose();
    }
}
