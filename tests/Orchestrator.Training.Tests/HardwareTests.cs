using Orchestrator.Specs;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class HardwareTests
{
    [Fact]
    public void Probe_says_the_same_whatever_torchs_generator_did_before()
    {
        TorchSharp.torch.manual_seed(1);
        var first = HardwareProbe.Hash();
        TorchSharp.torch.manual_seed(2);
        Assert.Equal(first, HardwareProbe.Hash());
        Assert.Equal(64, first.Length);
    }

    [Fact]
    public void Pins_name_the_instruction_set_and_the_threads()
    {
        var pins = HardwarePins.Environment(new TrainingSpec { Threads = 3 });
        Assert.Equal(("avx2", "AVX2", "COMPATIBLE", "passive", "3"), (pins["ATEN_CPU_CAPABILITY"], pins["ONEDNN_MAX_CPU_ISA"], pins["MKL_CBWR"], pins["OMP_WAIT_POLICY"], pins["OMP_NUM_THREADS"]));
    }

    [Fact]
    public void Native_hardware_leaves_the_instruction_set_alone()
    {
        var pins = HardwarePins.Environment(new TrainingSpec { Hardware = TrainingSpec.NativeHardware });
        Assert.Equal(["CUBLAS_WORKSPACE_CONFIG", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"], pins.Keys.Order(StringComparer.Ordinal));
    }
}
