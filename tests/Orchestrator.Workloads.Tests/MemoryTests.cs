using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Specs;
using Orchestrator.Training;
using TorchSharp;
using Xunit;

namespace Orchestrator.Workloads.Tests;

/// <summary>What a step leaves behind: nothing.</summary>
public sealed partial class MemoryTests(Digits digits) : IClassFixture<Digits>
{
    /// <summary>The runtime compiles twice and the collector settles: some 20 MB once, and nothing after.</summary>
    private const int Warm = 10_000;
    private const int Steps = 10_000;

    [Fact]
    public void Nothing_grows_over_ten_thousand_steps()
    {
        var start = default(Footprint);
        var end = default(Footprint);
        Train("""{ "hidden": [16], "batch_norm": true, "dropout": 0.1 }""", Warm + Steps, step =>
        {
            start = step == Warm ? Footprint.Now() : start;
            end = step == Warm + Steps ? Footprint.Now() : end;
        });
        Assert.Equal(start.Tensors, end.Tensors);
        Assert.True(end.Managed - start.Managed < 256 << 10, $"the managed heap grew from {start.Managed} to {end.Managed} bytes");

        // One small block lost by each shard of a step would be some 10 MB; the allocators' own coming and going is half of that.
        Assert.True(end.Resident - start.Resident < 10 << 20, $"the process grew from {start.Resident} to {end.Resident} bytes");
    }

    [Fact]
    public void Managed_allocations_of_a_step_do_not_grow_with_the_model()
    {
        var small = BytesAStep("""{ "hidden": [8] }""");
        var large = BytesAStep("""{ "hidden": [2048] }""");
        Assert.True(large < (small * 1.1) + 512, $"{small} bytes a step of a small model, {large} of a large one");

        long BytesAStep(string model)
        {
            var (before, after) = (0L, 0L);
            Train(model, 600, step =>
            {
                before = step == 200 ? GC.GetAllocatedBytesForCurrentThread() : before;
                after = step == 600 ? GC.GetAllocatedBytesForCurrentThread() : after;
            });
            return (after - before) / 400;
        }
    }

    [Fact]
    public void Activations_are_those_of_a_shard_and_told()
    {
        // A thousand hidden values a sample, four bytes each; a few times that, as each layer keeps its input.
        var (small, large) = (Told(64), Told(256));
        Assert.InRange(small, 64 * 4096, 4 * 64 * 4096);
        Assert.InRange((double)large / small, 3.5, 4.5);

        long Told(int rows)
        {
            var notes = new Notes();
            digits.Train(Digits.Spec("""{ "hidden": [1024] }""", new TrainingSpec { Epochs = 1, BatchSize = 2 * rows, Shards = 2 }), notes);
            return notes.ActivationBytes;
        }
    }

    private void Train(string model, int steps, Action<long> onStep)
    {
        var observer = new Observer(onStep);
        var spec = Digits.Spec(model, new TrainingSpec
        {
            Epochs = int.MaxValue,
            BatchSize = 16,
            Shards = 2,
            Checkpoint = new CheckpointSpec { Every = new Every(int.MaxValue, EveryUnit.Epoch) },
        });
        var task = digits.Task(spec);
        using var run = TrainingRun.Load(task, new WorkloadCatalog());
        using var enough = new CancellationTokenSource();
        observer.After(steps, enough.Cancel);
        Assert.Throws<OperationCanceledException>(() => run.Train(new Collectives.LocalCollective(task.Plan), observer, new StopSignal(), enough.Token));
    }

    /// <param name="Tensors">Alive on this thread.</param>
    private readonly partial record struct Footprint(long Tensors, long Managed, long Resident)
    {
        [LibraryImport("libc", EntryPoint = "malloc_trim")]
        private static partial int TrimHeap(nuint pad);

        public static Footprint Now()
        {
            // Aggressive gives the young generation's pages back too: without it the process grows by tens of MB until the first collection is due.
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);

            // What the C library keeps for later is nobody's leak.
            _ = TrimHeap(0);
            return new Footprint(DisposeScopeManager.Statistics.ThreadTotalLiveCount, GC.GetTotalMemory(forceFullCollection: false), Anonymous());
        }

        /// <summary>Bytes. What is mapped from files is there or not as the kernel pleases.</summary>
        private static long Anonymous() =>
            1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Keeps nothing itself.</summary>
    private sealed class Observer(Action<long> onStep) : ITrainingObserver
    {
        private long last;
        private Action end = static () => { };

        public void After(long steps, Action action) => (last, end) = (steps, action);

        public void StepMeasured(StepResult result)
        {
            onStep(result.Step);
            if (result.Step == last)
            {
                end();
            }
        }

        public void Progress(TrainingProgress progress)
        {
        }

        public void EpochFinished(EpochResult result)
        {
        }

        public void CheckpointWritten(CheckpointResult result)
        {
        }
    }
}
