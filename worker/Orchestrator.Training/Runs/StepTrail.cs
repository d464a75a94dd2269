using System.Runtime.InteropServices;

namespace Orchestrator.Training;

/// <param name="Stride">Steps that one digest stands for.</param>
/// <param name="Digests">Eight bytes each, little-endian, from step 1 on; the last one may stand for fewer steps.</param>
public sealed record StepTrailRecord(long Stride, byte[] Digests);

/// <summary>
/// What a run's steps computed, in a few bytes: digests of each step's loss and gradient norm, bit by bit, so that a run that is made again can tell where it parted from the first. It is bounded: when it
/// is full, neighbours are merged and one digest stands for twice as many steps.
/// </summary>
internal sealed class StepTrail
{
    private const int Most = 2048;

    private List<ulong>? digests = [];
    private long stride = 1;
    private long steps;

    /// <summary>Null where the run went on from a checkpoint that has none.</summary>
    public StepTrailRecord? Record => digests is null ? null : new StepTrailRecord(stride, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(digests)).ToArray());

    /// <summary>A step was applied.</summary>
    public void Add(double loss, double gradientNorm)
    {
        if (digests is null)
        {
            return;
        }

        if (digests.Count == Most && steps % stride == 0)
        {
            Merge(digests);
        }

        if (steps % stride == 0)
        {
            digests.Add(0);
        }

        digests[^1] = Mixing.Finish(Mixing.Finish(digests[^1] + BitConverter.DoubleToUInt64Bits(loss)) + BitConverter.DoubleToUInt64Bits(gradientNorm));
        steps++;
    }

    /// <summary>Becomes what a checkpoint, or a peer, has.</summary>
    /// <param name="taken">Steps that it covers.</param>
    public void Restore(StepTrailRecord? record, long taken)
    {
        steps = taken;
        stride = record?.Stride ?? 1;
        digests = record is null ? null : [.. MemoryMarshal.Cast<byte, ulong>(record.Digests)];
        if (digests is not null && (stride < 1 || digests.Count != (steps + stride - 1) / stride))
        {
            digests = null;
        }
    }

    /// <summary>The steps, both inclusive, in which the first difference of two trails of equally many steps lies; null where there is none.</summary>
    public static (long First, long Last)? Parting(StepTrailRecord left, StepTrailRecord right)
    {
        var a = MemoryMarshal.Cast<byte, ulong>(left.Digests);
        var b = MemoryMarshal.Cast<byte, ulong>(right.Digests);
        var same = left.Stride == right.Stride ? a.CommonPrefixLength(b) : 0;
        return same == a.Length && same == b.Length ? null : ((same * left.Stride) + 1, (same + 1) * left.Stride);
    }

    private void Merge(List<ulong> full)
    {
        for (var i = 0; i < Most / 2; i++)
        {
            full[i] = Mixing.Finish(full[2 * i] + Mixing.Finish(full[(2 * i) + 1]));
        }

        full.RemoveRange(Most / 2, Most / 2);
        stride *= 2;
    }
}
