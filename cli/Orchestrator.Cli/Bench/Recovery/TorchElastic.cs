using System.Diagnostics;
using System.Globalization;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>Two ranks of PyTorch under torchrun's elastic agent, which ends and starts the whole gang when one dies; the ranks load their last checkpoint and go on.</summary>
internal static class TorchElastic
{
    private const int SettlingSteps = 60;

    /// <returns>Milliseconds from a kill to the last rank's first step after it.</returns>
    /// <param name="python">A program and its first arguments, spaces between.</param>
    /// <exception cref="CliException">It does not run.</exception>
    public static async Task<IReadOnlyList<double>> MeasureAsync(string python, int rounds, CancellationToken cancellation)
    {
        using var script = new StreamReader(typeof(TorchElastic).Assembly.GetManifestResourceStream("torch_elastic.py")!);
        var command = python.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var start = new ProcessStartInfo(command[0], [.. command[1..], "-u", "-c", await script.ReadToEndAsync(cancellation), rounds.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["USE_LIBUV"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            var times = new List<double>();
            while (times.Count < rounds)
            {
                // Both have a checkpoint and are in their stride.
                var pids = await StepsAsync(process, errors, line => line.Since >= SettlingSteps, cancellation);
                var killed = DateTimeOffset.UtcNow;
                Programs.Kill(pids[times.Count % 2]);
                await StepsAsync(process, errors, line => !pids.Contains(line.Pid), cancellation);
                times.Add((DateTimeOffset.UtcNow - killed).TotalMilliseconds);
            }

            return times;
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Reads on until both ranks have said a line that is wanted.</summary>
    /// <returns>Their processes.</returns>
    private static async Task<int[]> StepsAsync(Process process, Task<string> errors, Func<(int Pid, int Since), bool> wanted, CancellationToken cancellation)
    {
        var pids = new int[2];
        while (pids.Contains(0))
        {
            var line = await process.StandardOutput.ReadLineAsync(cancellation)
                ?? throw CliException.Failed($"the PyTorch peer ended: {(await errors).Trim().Split('\n')[^1]}");
            if (line.Split(' ') is ["step", var rank, var pid, var since] && wanted((Number(pid), Number(since))))
            {
                pids[Number(rank)] = Number(pid);
            }
        }

        return pids;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
