using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Worker.Local;

/// <summary>What the agent puts into a trainer's environment, put into this process before libtorch is loaded.</summary>
internal static class LocalPins
{
    public static void Apply(TrainingSpec training)
    {
        foreach (var (name, value) in HardwarePins.Environment(training))
        {
            _ = Native.SetEnvironment(name, value, overwrite: 1);
        }
    }
}
