using Orchestrator.Collectives;
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
    public void Native_hardware_pins_threads_alone()
    {
        var pins = HardwarePins.Environment(new TrainingSpec { Hardware = TrainingSpec.NativeHardware });
        Assert.Equal(["OMP_NUM_THREADS", "OMP_WAIT_POLICY"], pins.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Ledger_does_not_depend_on_order_and_counts_only_what_was_applied()
    {
        using var alone = new LocalScope();
        var (forward, backward) = (new SampleLedger(), new SampleLedger());
        forward.Add([0, 1, 2, 3]);
        forward.Commit();
        forward.Add([9]);
        backward.Add([3, 1]);
        backward.Commit();
        backward.Add([2, 0]);
        backward.Commit();
        Assert.Equal((new LedgerEntry(4, forward.Gather(alone.Collective, flag: false).Entry.Hash), true), backward.Gather(alone.Collective, flag: true));

        var restored = new SampleLedger();
        restored.Restore(backward.Gather(alone.Collective, flag: false).Entry);
        restored.Add([1]);
        restored.Commit();
        Assert.NotEqual(forward.Gather(alone.Collective, flag: false).Entry.Hash, restored.Gather(alone.Collective, flag: false).Entry.Hash);
        Assert.Equal(5, restored.Gather(alone.Collective, flag: false).Entry.Samples);
    }

    private sealed class LocalScope : IDisposable
    {
        public LocalCollective Collective { get; } = new(ShardPlan.Even(1, 1));

        public void Dispose() => Collective.DisposeAsync().AsTask().Wait();
    }
}
