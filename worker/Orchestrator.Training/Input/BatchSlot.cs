using Orchestrator.Data;
using Orchestrator.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Input;

/// <summary>Memory for one batch, filled by the loading thread and read by the training thread, again and again.</summary>
internal sealed unsafe class BatchSlot : IDisposable
{
    private readonly FeatureEncoder[] features;
    private readonly Tensor[] tensors;
    private readonly nint[] addresses;
    private readonly byte[] stored;
    private readonly long[] rows;

    /// <param name="capacity">Samples of the largest batch.</param>
    public BatchSlot(FeatureEncoder[] features, int capacity, Device device)
    {
        this.features = features;
        tensors = [.. features.Select(feature => HostMemory.Allocate([capacity, .. feature.Shape], feature.ElementType, device))];
        addresses = [.. tensors.Select(HostMemory.Address)];
        stored = new byte[features.Max(feature => checked(feature.StoredBytes * capacity))];
        rows = new long[capacity];
    }

    public int Count { get; private set; }

    /// <summary>The rows in it, for the ledger.</summary>
    public ReadOnlySpan<long> Rows => rows.AsSpan(0, Count);

    /// <summary>Why it could not be filled; the training thread throws it.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>On the loading thread: no torch call is made here.</summary>
    public void Fill(DatasetSplit split, BatchRequest request, long seed)
    {
        try
        {
            Count = request.Positions.Count;
            for (var index = 0; index < Count; index++)
            {
                var position = request.Positions.First + index;
                rows[index] = request.Order?[position] ?? position;
            }

            for (var feature = 0; feature < features.Length; feature++)
            {
                Encode(split, features[feature], addresses[feature], request, seed);
            }
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Failure = error;
        }
    }

    /// <summary>The feature's tensor, cut to the batch's size; it belongs to the caller's dispose scope.</summary>
    public Tensor Tensor(int feature) => tensors[feature].narrow(0, 0, Count);

    public void Dispose()
    {
        foreach (var tensor in tensors)
        {
            tensor.Dispose();
        }
    }

    private void Encode(DatasetSplit split, FeatureEncoder feature, nint address, BatchRequest request, long seed)
    {
        var source = stored.AsSpan(0, Count * feature.StoredBytes);
        split.Gather(feature.Name, Rows, source);
        for (var index = 0; index < Count; index++)
        {
            var destination = new Span<byte>((byte*)address + ((long)index * feature.EncodedBytes), feature.EncodedBytes);
            feature.Encode(source.Slice(index * feature.StoredBytes, feature.StoredBytes), destination, seed, request.Epoch, request.Positions.First + index);
        }
    }
}
