using System.Numerics;

namespace Orchestrator.Collectives;

/// <summary>Runs a <see cref="TreeProgram"/> over untyped memory. Every element is added on its own, so the vectors' width does not show
/// in the result.</summary>
internal sealed unsafe class ElementwiseSum
{
    private readonly delegate*<byte*, byte*, byte*, int, void> add;

    private ElementwiseSum(int dtype, int size, delegate*<byte*, byte*, byte*, int, void> add)
    {
        Dtype = dtype;
        Size = size;
        this.add = add;
    }

    /// <summary>Says on the wire what is being added.</summary>
    public int Dtype { get; }

    /// <summary>Bytes of an element.</summary>
    public int Size { get; }

    public static ElementwiseSum Of<T>()
        where T : unmanaged, INumber<T> => Cache<T>.Instance;

    /// <summary>Adds <paramref name="count"/> elements of the leaves along the tree.</summary>
    /// <param name="operands">The leaves' addresses, then the temporaries'.</param>
    public void Run(TreeProgram program, ReadOnlySpan<nint> operands, byte* output, int count)
    {
        if (program.OnlyLeaf >= 0)
        {
            var bytes = (long)count * Size;
            Buffer.MemoryCopy((byte*)operands[program.OnlyLeaf], output, bytes, bytes);
            return;
        }

        foreach (var step in program.Steps)
        {
            var target = step.Target == TreeProgram.Output ? output : (byte*)operands[step.Target];
            add(target, (byte*)operands[step.Left], (byte*)operands[step.Right], count);
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

    private static class Cache<T>
        where T : unmanaged, INumber<T>
    {
        public static readonly ElementwiseSum Instance = new(DtypeOf(), sizeof(T), &Add<T>);

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
