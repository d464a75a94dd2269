using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>Runs a <see cref="TreeProgram"/> over untyped memory. Every element is added on its own, so the vectors' width does not show
/// in the result.</summary>
internal sealed unsafe class ElementwiseSum
{
    public const int TileBytes = 16 << 10;

    private readonly delegate*<byte*, byte*, byte*, int, void> add;
    private readonly delegate*<byte*, byte*, byte*, int, void> addStreaming;

    private ElementwiseSum(
        int dtype,
        int size,
        delegate*<byte*, byte*, byte*, int, void> add,
        delegate*<byte*, byte*, byte*, int, void> addStreaming)
    {
        Dtype = dtype;
        Size = size;
        this.add = add;
        this.addStreaming = addStreaming;
    }

    /// <summary>Says on the wire what is being added.</summary>
    public int Dtype { get; }

    /// <summary>Bytes of an element.</summary>
    public int Size { get; }

    public static ElementwiseSum Of<T>()
        where T : unmanaged, INumber<T> => Cache<T>.Instance;

    /// <summary>Adds <paramref name="count"/> elements of the leaves along the tree, a tile at a time, so that what is added in between
    /// stays in the nearest cache.</summary>
    /// <param name="operands">The leaves' addresses, then the temporaries', <see cref="TileBytes"/> each.</param>
    /// <param name="streaming">The result is for another core.</param>
    public void Run(TreeProgram program, ReadOnlySpan<nint> operands, byte* output, int count, bool streaming = false)
    {
        if (program.OnlyLeaf >= 0)
        {
            StreamingMemory.Copy((byte*)operands[program.OnlyLeaf], output, (long)count * Size, streaming);
            return;
        }

        var tile = program.Steps.Length == 1 ? count : TileBytes / Size;
        for (var first = 0; first < count; first += tile)
        {
            var offset = (nint)first * Size;
            foreach (var step in program.Steps)
            {
                var last = step.Target == TreeProgram.Output;
                (last && streaming ? addStreaming : add)(
                    last ? output + offset : (byte*)operands[step.Target],
                    (byte*)operands[step.Left] + (step.Left < program.Leaves ? offset : 0),
                    (byte*)operands[step.Right] + (step.Right < program.Leaves ? offset : 0),
                    Math.Min(tile, count - first));
            }
        }
    }

    private static void Add<T>(byte* target, byte* left, byte* right, int count)
        where T : unmanaged, INumber<T>
    {
        var (sum, a, b) = ((nint)target, (nint)left, (nint)right);
        var index = 0;
        for (; index <= count - Vector<T>.Count; index += Vector<T>.Count)
        {
            Vector.Store(Vector.Load((T*)a + index) + Vector.Load((T*)b + index), (T*)sum + index);
        }

        for (; index < count; index++)
        {
            ((T*)sum)[index] = unchecked(((T*)a)[index] + ((T*)b)[index]);
        }
    }

    private static void AddStreaming<T>(byte* target, byte* left, byte* right, int count)
        where T : unmanaged, INumber<T>
    {
        var (sum, a, b) = ((nint)target, (nint)left, (nint)right);
        var index = Math.Min(count, StreamingMemory.Unaligned(target) / sizeof(T));
        Add<T>(target, left, right, index);
        for (; index <= count - Vector<T>.Count; index += Vector<T>.Count)
        {
            Vector.StoreAlignedNonTemporal(Vector.Load((T*)a + index) + Vector.Load((T*)b + index), (T*)sum + index);
        }

        StreamingMemory.Fence();
        var rest = index * sizeof(T);
        Add<T>(target + rest, left + rest, right + rest, count - index);
    }

    private static class Cache<T>
        where T : unmanaged, INumber<T>
    {
        public static readonly ElementwiseSum Instance = new(DtypeOf(), sizeof(T), &Add<T>, &AddStreaming<T>);

        private static int DtypeOf() => default(T) switch
        {
            float => 1,
            double => 2,
            int => 3,
            long => 4,
            _ => throw new NotSupportedException($"Sums of {typeof(T).Name} are not supported: float, double, int and long are."),
        };
    }
}
