using System.Runtime.InteropServices;

namespace Orchestrator.Worker.Trainer;

/// <summary>What a rank computes on, for people; equal bits are the probe hash's business.</summary>
internal static class HardwareName
{
    public static string Read(string device)
    {
        var model = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            : null;
        return $"{device}, {model ?? RuntimeInformation.ProcessArchitecture.ToString()}, {Environment.ProcessorCount} cores";
    }
}
