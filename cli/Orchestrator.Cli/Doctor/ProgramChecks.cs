using System.ComponentModel;
using System.Diagnostics;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Doctor;

/// <summary>What only starting a program can tell: does libtorch load, is there a GPU?</summary>
public static class ProgramChecks
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task<Check> TorchAsync(Shell shell, CancellationToken cancellation)
    {
        string worker;
        try
        {
            worker = Installation.Find(shell).Worker;
        }
        catch (CliException exception)
        {
            return Check.Fail("libtorch", exception.Message, "build from a checkout with ./orch");
        }

        var (code, text) = await RunAsync(Programs.Dotnet, [worker, "probe"], cancellation);
        return code == 0
            ? Check.Ok("libtorch", text.Length > 0 ? text : "loads")
            : Check.Fail("libtorch", $"the worker's probe ended with exit code {code}: {text}", "build again: remove .orch/built and run ./orch doctor");
    }

    public static async Task<Check> GpuAsync(CancellationToken cancellation)
    {
        try
        {
            var (code, text) = await RunAsync("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader"], cancellation);
            return code == 0 ? Check.Ok("gpu", text) : Check.Warn("gpu", $"nvidia-smi fails: {text}", "mend the driver, or train on the CPU");
        }
        catch (Win32Exception)
        {
            return Check.Ok("gpu", "none; training runs on the CPU");
        }
    }

    /// <returns>The exit code (-1 where it took too long) and the last line that was printed.</returns>
    private static async Task<(int Code, string Text)> RunAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limited.CancelAfter(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limited.Token);
            var errors = process.StandardError.ReadToEndAsync(limited.Token);
            await process.WaitForExitAsync(limited.Token);
            return (process.ExitCode, LastLine(await output) is { Length: > 0 } line ? line : LastLine(await errors));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellation.ThrowIfCancellationRequested();
            return (-1, $"no answer in {Limit.TotalSeconds:0} s");
        }
    }

    private static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
}
