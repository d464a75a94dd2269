using System.Globalization;
using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>
/// The environment that a trainer must be started with: it pins the instruction set, which the bits depend on, and must stand before libtorch loads.
/// </summary>
public static class HardwarePins
{
    private static readonly string[] Deciding = ["ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "OMP_NUM_THREADS"];

    /// <param name="training">Its threads, and whether it wants the pins at all.</param>
    public static IReadOnlyDictionary<string, string> Environment(TrainingSpec training)
    {
        ArgumentNullException.ThrowIfNull(training);
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            // Two fixed workspaces of cuBLAS, without which a GPU's matrix products may add in another order from call to call.
            ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8",

            // Spinning threads ruin each other on a busy machine.
            ["OMP_WAIT_POLICY"] = "passive",
            ["OMP_NUM_THREADS"] = training.Threads.ToString(CultureInfo.InvariantCulture),
        };
        if (training.Hardware != TrainingSpec.NativeHardware)
        {
            environment["ATEN_CPU_CAPABILITY"] = "avx2";
            environment["ONEDNN_MAX_CPU_ISA"] = "AVX2";

            // One branch for every maker's processors. AVX2 would be faster for wide dense layers on some, and other bits on others.
            environment["MKL_CBWR"] = "COMPATIBLE";
        }

        return environment;
    }

    /// <summary>Those that decide bits, as this process has them.</summary>
    internal static SortedDictionary<string, string> Current() =>
        new(Deciding.ToDictionary(name => name, name => System.Environment.GetEnvironmentVariable(name) ?? ""), StringComparer.Ordinal);
}
