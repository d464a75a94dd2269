using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Orchestrator.Search;

/// <summary>
/// The continuous dimensions of a product of kernels: normals around points of the cube, cut at its ends. The exponents of many kernels at a point are a product of a matrix
/// and a vector (|z - c|² = |z|² - 2 z·c + |c|²), and the matrix lies in blocks of eight kernels, in the order in which it is read.
/// </summary>
internal sealed class NormalKernels
{
    /// <summary>Kernels of a block.</summary>
    public const int Block = 8;

    /// <summary>Points whose exponents are computed together, so that a block is read once for all of them.</summary>
    public const int Together = 4;

    private readonly int[] indices;
    private readonly int blocks;

    /// <summary>The points' distances from the cube's middle in units of √2 widths, [block, dimension, kernel of the block]; 0 where there is no point.</summary>
    private readonly double[] scaled;

    /// <summary>By dimension: the standard deviation, as a share of the domain, and 1 / (√2 * width).</summary>
    private readonly double[] widths;
    private readonly double[] scales;

    /// <summary>As <see cref="scaled"/>: a kernel's share below 0 and in [0, 1]; made at the first draw.</summary>
    private (double[] Below, double[] Inside)? cuts;

    /// <param name="indices">The dimensions' places in a point.</param>
    /// <param name="points">Whole points of the cube; these dimensions apply in each.</param>
    /// <param name="leastWidth">No kernel is narrower.</param>
    public NormalKernels(int[] indices, IReadOnlyList<double[]> points, ScottWidth rule, double leastWidth)
    {
        this.indices = indices;
        blocks = (points.Count + Block - 1) / Block;
        scaled = new double[blocks * indices.Length * Block];
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            var at = (i / Block * indices.Length * Block) + (i % Block);
            foreach (var index in indices)
            {
                scaled[at] = point[index] - 0.5;
                at += Block;
            }
        }

        widths = Widths(rule, leastWidth);
        scales = Array.ConvertAll(widths, width => Math.Sqrt(0.5) / width);
        foreach (var width in widths)
        {
            LogScale += Exact.Log(width) - Normal.LogDensity(0);
        }
    }

    public int Dimensions => indices.Length;

    /// <summary>log of what the integral of exp(-|z - c|²) over all of space comes to.</summary>
    public double LogScale { get; }

    /// <summary>Scales the points, and takes from each kernel's exponent what it has anywhere: its |z|² and the log of its mass in the cube.</summary>
    /// <param name="exponents">By kernel, whole blocks.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Prepare(Span<double> exponents)
    {
        Span<double> masses = stackalloc double[Block];
        var at = 0;
        for (var first = 0; first < blocks * Block; first += Block)
        {
            var (mass, square) = (Pair.One, Pair.Zero);
            for (var d = 0; d < indices.Length; d++, at += Block)
            {
                var half = Vector256.Create(0.5 * scales[d]);
                var z = Pair.Load(scaled, at) * scales[d];
                z.Store(scaled, at);
                square += z * z;
                mass *= new Pair(NormalMass.Inside(half + z.Low, half - z.Low), NormalMass.Inside(half + z.High, half - z.High));
            }

            mass.Store(masses);
            (Pair.Load(exponents, first) - square).Store(exponents, first);
            for (var lane = 0; lane < Block; lane++)
            {
                exponents[first + lane] -= Exact.Log(masses[lane]);
            }
        }
    }

    /// <summary>Writes what <see cref="Exponents"/> takes of a point, and gives its |c|², which its exponents lack.</summary>
    /// <param name="twice">2 c, by dimension.</param>
    public double Place(double[] point, Span<double> twice)
    {
        var square = 0.0;
        for (var d = 0; d < indices.Length; d++)
        {
            var c = (point[indices[d]] - 0.5) * scales[d];
            square += c * c;
            twice[d] = 2 * c;
        }

        return square;
    }

    /// <summary>exponents = start + 2 z·c, for four points.</summary>
    /// <param name="start">As <see cref="Prepare"/> left them, [kernels].</param>
    /// <param name="twice">[4, dimensions]</param>
    /// <param name="exponents">[4, kernels]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Exponents(ReadOnlySpan<double> start, ReadOnlySpan<double> twice, Span<double> exponents)
    {
        var (kernels, count) = (blocks * Block, indices.Length);
        ref var x = ref MemoryMarshal.GetArrayDataReference(scaled);
        ref var c = ref MemoryMarshal.GetReference(twice[..(Together * count)]);
        ref var to = ref MemoryMarshal.GetReference(exponents[..(Together * kernels)]);
        for (var first = 0; first < kernels; first += Block)
        {
            var (a0, a1) = (Vector256.Create(start[first..]), Vector256.Create(start[(first + 4)..]));
            var (b0, b1, c0, c1, d0, d1) = (a0, a1, a0, a1, a0, a1);
            for (var d = 0; d < count; d++)
            {
                var low = Vector256.LoadUnsafe(ref x, (nuint)((first * count) + (d * Block)));
                var high = Vector256.LoadUnsafe(ref x, (nuint)((first * count) + (d * Block) + 4));
                var factor = Vector256.Create(Unsafe.Add(ref c, d));
                (a0, a1) = (a0 + (low * factor), a1 + (high * factor));
                factor = Vector256.Create(Unsafe.Add(ref c, count + d));
                (b0, b1) = (b0 + (low * factor), b1 + (high * factor));
                factor = Vector256.Create(Unsafe.Add(ref c, (2 * count) + d));
                (c0, c1) = (c0 + (low * factor), c1 + (high * factor));
                factor = Vector256.Create(Unsafe.Add(ref c, (3 * count) + d));
                (d0, d1) = (d0 + (low * factor), d1 + (high * factor));
            }

            a0.StoreUnsafe(ref to, (nuint)first);
            a1.StoreUnsafe(ref to, (nuint)(first + 4));
            b0.StoreUnsafe(ref to, (nuint)(kernels + first));
            b1.StoreUnsafe(ref to, (nuint)(kernels + first + 4));
            c0.StoreUnsafe(ref to, (nuint)((2 * kernels) + first));
            c1.StoreUnsafe(ref to, (nuint)((2 * kernels) + first + 4));
            d0.StoreUnsafe(ref to, (nuint)((3 * kernels) + first));
            d1.StoreUnsafe(ref to, (nuint)((3 * kernels) + first + 4));
        }
    }

    /// <summary>A coordinate of the dimension from the kernel around a point.</summary>
    /// <param name="share">Even in [0, 1).</param>
    public double Draw(int kernel, int dimension, double share)
    {
        var (below, inside) = cuts ??= Cuts();
        var at = (((kernel / Block * indices.Length) + dimension) * Block) + (kernel % Block);
        var width = widths[dimension];
        return Math.Clamp(0.5 + (scaled[at] / scales[dimension]) + (width * Normal.Quantile(below[at] + (share * inside[at]))), 0, 1);
    }

    private (double[] Below, double[] Inside) Cuts()
    {
        var (below, inside) = (new double[scaled.Length], new double[scaled.Length]);
        for (var at = 0; at < scaled.Length; at += Block / 2)
        {
            var d = at / Block % indices.Length;
            var centres = Vector256.Create(0.5) + (Vector256.Create(scaled.AsSpan(at)) / scales[d]);
            var cut = NormalMass.Of(centres, Vector256.Create(1 / widths[d]));
            cut.Below.CopyTo(below, at);
            cut.Inside.CopyTo(inside, at);
        }

        return (below, inside);
    }

    private double[] Widths(ScottWidth rule, double leastWidth)
    {
        var (sums, squares) = (new double[indices.Length * Block], new double[indices.Length * Block]);
        for (var first = 0; first < scaled.Length; first += sums.Length)
        {
            var block = scaled.AsSpan(first, sums.Length);
            Lanes.AddScaled(1, block, sums);
            Lanes.AddSquares(0, 1, block, squares);
        }

        return [.. Enumerable.Range(0, indices.Length).Select(d =>
            Math.Max(rule.Of(Lanes.Sum(sums.AsSpan(d * Block, Block)), Lanes.Sum(squares.AsSpan(d * Block, Block))), leastWidth))];
    }

    /// <summary>Eight numbers, one for each kernel of a block.</summary>
    private readonly record struct Pair(Vector256<double> Low, Vector256<double> High)
    {
        public static Pair Zero => default;

        public static Pair One => new(Vector256<double>.One, Vector256<double>.One);

        public static Pair Load(ReadOnlySpan<double> from, int at) => new(Vector256.Create(from[at..]), Vector256.Create(from[(at + 4)..]));

        public void Store(Span<double> to, int at = 0)
        {
            Low.CopyTo(to[at..]);
            High.CopyTo(to[(at + 4)..]);
        }

        public static Pair operator +(Pair a, Pair b) => new(a.Low + b.Low, a.High + b.High);

        public static Pair operator -(Pair a, Pair b) => new(a.Low - b.Low, a.High - b.High);

        public static Pair operator *(Pair a, Pair b) => new(a.Low * b.Low, a.High * b.High);

        public static Pair operator *(Pair a, double b) => new(a.Low * b, a.High * b);
    }
}
