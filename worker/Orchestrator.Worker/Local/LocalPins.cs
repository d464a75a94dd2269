using Orchestrator.Training;

namespace Orchestrator.Worker.Local;

/// <summary>What the agent puts into a trainer's environment, put into this process before libtorch is loaded.</summary>
internal static class LocalPins
{
    public static void Apply(int threads)
    {
        foreach (var (name, value) in HardwarePins.Environment(threads))
        {
            _ = Native.SetEnvironment(name, value, overwrite: 1);
        }
    }
}
