using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// Views of a flat tensor that are small enough to stay in a core's cache while an update's operations go over them one after the other; over the whole tensor each of them would fetch it from memory again.
/// </summary>
internal sealed class FlatBlocks : IDisposable
{
    /// <summary>128 KB of float32 for each thread: a handful of such tensors fit into a second-level cache.</summary>
    private const long ElementsAThread = 1 << 15;

    private readonly Tensor[] blocks;

    /// <param name="flat">[elements]; not owned, and not kept alive.</param>
    public FlatBlocks(Tensor flat)
    {
        // A GPU wants few and large operations instead.
        var length = flat.NumberOfElements;
        var each = flat.device_type == DeviceType.CPU ? ElementsAThread * get_num_threads() : Math.Max(length, 1);
        blocks = [.. Enumerable.Range(0, (int)((length + each - 1) / each)).Select(block => flat.narrow(0, block * each, Math.Min(each, length - (block * each))).DetachFromDisposeScope())];
    }

    public int Count => blocks.Length;

    public Tensor this[int block] => blocks[block];

    public void Dispose()
    {
        foreach (var block in blocks)
        {
            block.Dispose();
        }
    }
}
