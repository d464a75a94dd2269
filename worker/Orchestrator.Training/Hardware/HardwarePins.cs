using System.Globalization;

namespace Orchestrator.Training;

/// <summary>
/// The environment that a trainer must be started with: it pins the instruction set, which the bits depend on, and must stand before libtorch loads.
/// </summary>
public static class HardwarePins
{
    private static readonly string[] Deciding = ["ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "OMP_NUM_THREADS"];

    /// <param name="threads">Intra-op threads of a rank, from the file.</param>
    public static IReadOnlyDictionary<string, string> Environment(int threads) => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["ATEN_CPU_CAPABILITY"] = "avx2",
        ["ONEDNN_MAX_CPU_ISA"] = "AVX2",

        // One branch for every maker's processors. AVX2 would be faster for wide dense layers on some, and other bits on others.
        ["MKL_CBWR"] = "COMPATIBLE",

        // Two fixed workspaces of cuBLAS, without which a GPU's matrix products may add in another order from call to call.
        ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8",

        // Spinning threads ruin each other on a busy machine.
        ["OMP_WAIT_POLICY"] = "passive",
        ["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Those that decide bits, as this process has them.</summary>
    internal static SortedDictionary<string, string> Current() =>
        new(Deciding.ToDictionary(name => name, name => System.Environment.GetEnvironmentVariable(name) ?? ""), StringComparer.Ordinal);
}
