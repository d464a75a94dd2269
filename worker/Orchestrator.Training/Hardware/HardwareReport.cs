using TorchSharp;

namespace Orchestrator.Training;

/// <summary>What a checkpoint says about the machine that wrote it.</summary>
internal static class HardwareReport
{
    public static HardwareFacts Collect(string device, int threads, string probeHash) => new(
        Processor(),
        device,
        threads,
        probeHash,
        HardwarePins.Current(),
        new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["dotnet"] = Environment.Version.ToString(),
            ["orchestrator"] = typeof(HardwareReport).Assembly.GetName().Version?.ToString() ?? "",
            ["torchsharp"] = typeof(torch).Assembly.GetName().Version?.ToString() ?? "",
        });

    private static string Processor()
    {
        const string File = "/proc/cpuinfo";
        var line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null ? "unknown" : line[(line.IndexOf(':') + 1)..].Trim();
    }
}
