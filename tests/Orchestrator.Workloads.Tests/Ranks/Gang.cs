using System.Diagnostics;
using System.Text.Json;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Workloads.Tests.Ranks;

/// <summary>A run on several ranks, each a process of its own with the pinned environment.</summary>
internal static class Gang
{
    /// <param name="overlaps">By rank, whether it sends gradients during backward; then over TCP.</param>
    public static async Task<RankResult[]> TrainAsync(RunSpec spec, string dataset, string output, int worldSize, string? checkpoint = null, bool[]? overlaps = null)
    {
        var processes = Enumerable.Range(0, worldSize).Select(_ => Start(spec.Training)).ToArray();
        try
        {
            for (var rank = 0; rank < worldSize; rank++)
            {
                var order = new RankOrder(spec.ToJson(), "run", dataset, output, checkpoint, rank, worldSize, SharedMemory: overlaps is null, overlaps?[rank] ?? true);
                await processes[rank].StandardInput.WriteLineAsync(JsonSerializer.Serialize(order));
            }

            var peers = new List<string>();
            foreach (var process in processes)
            {
                peers.Add("127.0.0.1:" + await ReadLineAsync(process));
            }

            foreach (var process in processes)
            {
                await process.StandardInput.WriteLineAsync(string.Join(',', peers));
            }

            return await Task.WhenAll(processes.Select(async process => JsonSerializer.Deserialize<RankResult>(await ReadLineAsync(process))!));
        }
        finally
        {
            foreach (var process in processes)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
                process.Dispose();
            }
        }
    }

    private static Process Start(TrainingSpec training)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, "rank")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in HardwarePins.Environment(training))
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<string> ReadLineAsync(Process process) =>
        await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await process.StandardError.ReadToEndAsync());
}
