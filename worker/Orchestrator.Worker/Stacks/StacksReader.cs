using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Worker.Stacks;

/// <summary>What a trainer's threads are doing, asked by its agent: from the kernel first, which answers at once; then their managed frames, from a process that reads them and has its time for it.</summary>
internal static class StacksReader
{
    /// <summary>Half a second is enough where the machine has one to spare; nobody waits for it but the device of a GPU's trainer.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <param name="line">Called for each line, indented; also says why there are no more.</param>
    public static async Task ReadAsync(int pid, Action<string> line, CancellationToken cancellationToken)
    {
        foreach (var thread in ThreadStates.Of(pid))
        {
            line($"  {thread}");
        }

        if (await FramesAsync(pid, line, cancellationToken) is { } obstacle)
        {
            line($"  managed frames can't be had: {obstacle}");
        }
    }

    /// <returns>Why not all are there; null where they are.</returns>
    private static async Task<string?> FramesAsync(int pid, Action<string> line, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        var start = WorkerProgram.With(StacksVerb.Name, pid.ToString(CultureInfo.InvariantCulture));
        // As with trainers: the runtime's pipes for debuggers would outlive a reader that is killed.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        try
        {
            using var reader = Process.Start(start)!;
            try
            {
                var errors = reader.StandardError.ReadToEndAsync(deadline.Token);
                while (await reader.StandardOutput.ReadLineAsync(deadline.Token) is { } frame)
                {
                    line($"  {frame}");
                }

                await reader.WaitForExitAsync(deadline.Token);
                return reader.ExitCode == ExitCode.Done ? null
                    : (await errors).Split('\n')[0] is { Length: > 0 } reason ? reason
                    : string.Create(CultureInfo.InvariantCulture, $"their reader ended with exit code {reader.ExitCode}");
            }
            finally
            {
                // Whoever reads a process holds it: it can't be collected before its reader has gone.
                reader.Kill();
                await reader.WaitForExitAsync(CancellationToken.None);
            }
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"not within {Deadline.TotalSeconds:0} s");
        }
        catch (Exception failure) when (failure is IOException or Win32Exception)
        {
            return failure.Message;
        }
    }
}
