using System.Collections.Concurrent;
using System.Diagnostics;
using Orchestrator.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Input;

/// <summary>
/// Reads, decodes and augments the coming batches on a thread of its own while the training thread works on the last one. A fixed number of slots goes round: nothing is allocated per batch that grows with it.
/// </summary>
internal sealed class BatchLoader : IDisposable
{
    private readonly DatasetSplit split;
    private readonly FeatureEncoder[] features;
    private readonly string target;
    private readonly long seed;
    private readonly Device device;
    private readonly BatchSlot[] slots;
    private readonly BlockingCollection<BatchSlot> free;
    private readonly BlockingCollection<BatchSlot> ready;
    private readonly CancellationTokenSource stopping;
    private readonly Thread thread;
    private long waited;

    /// <param name="requests">Taken one by one on the loading thread; never more than <paramref name="ahead"/> before the batches that were asked for.</param>
    /// <param name="capacity">Samples of the largest batch.</param>
    public BatchLoader(
        DatasetSplit split, string target, FeatureEncoder[] features, IEnumerable<BatchRequest> requests, int capacity, int ahead, long seed, Device device, CancellationToken cancellationToken)
    {
        this.split = split;
        this.target = target;
        this.features = features;
        this.seed = seed;
        this.device = device;
        slots = [.. Enumerable.Range(0, ahead).Select(_ => new BatchSlot(features, capacity, device))];
        free = new BlockingCollection<BatchSlot>(new ConcurrentQueue<BatchSlot>(slots), ahead);
        ready = new BlockingCollection<BatchSlot>(ahead);
        stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        thread = new Thread(() => Load(requests)) { IsBackground = true, Name = "batch loader" };
        thread.Start();
    }

    /// <summary>Time that the training thread has waited for batches.</summary>
    public TimeSpan Waited => Stopwatch.GetElapsedTime(0, waited);

    /// <summary>The next batch; its slot goes back when it is disposed of. The batch's tensors belong to the caller's dispose scope.</summary>
    public LoadedBatch Next()
    {
        var began = Stopwatch.GetTimestamp();
        var slot = ready.Take(stopping.Token);
        waited += Stopwatch.GetTimestamp() - began;
        if (slot.Failure is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        return new LoadedBatch(this, slot, slot.Count == 0 ? null : BatchOf(slot));
    }

    public void Dispose()
    {
        stopping.Cancel();
        thread.Join();
        foreach (var slot in slots)
        {
            slot.Dispose();
        }

        free.Dispose();
        ready.Dispose();
        stopping.Dispose();
    }

    internal void Return(BatchSlot slot) => free.Add(slot);

    private Batch BatchOf(BatchSlot slot)
    {
        var tensors = new Dictionary<string, Tensor>(features.Length, StringComparer.Ordinal);
        for (var feature = 0; feature < features.Length; feature++)
        {
            var host = slot.Tensor(feature);
            tensors[features[feature].Name] = device.type == DeviceType.CPU ? host : host.to(device);
        }

        return new Batch(tensors, target, slot.Count);
    }

    private void Load(IEnumerable<BatchRequest> requests)
    {
        try
        {
            foreach (var request in requests)
            {
                var slot = free.Take(stopping.Token);
                slot.Fill(split, request, seed);
                ready.Add(slot, stopping.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The training thread has ended, or is told so by its own token.
        }
    }
}

/// <param name="Batch">Null where the shard is empty.</param>
internal sealed record LoadedBatch(BatchLoader Loader, BatchSlot Slot, Batch? Batch) : IDisposable
{
    /// <summary>Rows of the dataset's split that the batch holds.</summary>
    public ReadOnlySpan<long> Rows => Slot.Rows;

    public void Dispose() => Loader.Return(Slot);
}
