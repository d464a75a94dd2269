using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Orchestrator.Training.Kernels;

/// <summary>
/// C = A B or C += A B for a row-major C, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): panels of both are packed, tiles of C stay in
/// registers. Every element is a sum over blocks of 256 of the inner index, each a chain of fused multiplications: its bits depend on no other row or column, vector width, maker or thread.
/// </summary>
internal static unsafe class MatrixProduct
{
    /// <summary>A tile: 6 by 2 vectors are twelve sums in registers.</summary>
    private const int TileRows = 6;
    private const int TileColumns = 16;

    /// <summary>Columns that are packed at once, of this many rows of B: 64 KB.</summary>
    private const int GroupColumns = 64;
    private const int GroupInner = 256;

    /// <param name="a">[rows, inner]</param>
    /// <param name="b">[inner, columns]</param>
    /// <param name="c">[rows, columns], row-major; written.</param>
    /// <param name="adds">To what C holds, instead of 0.</param>
    public static void Run(Strided a, Strided b, nint c, int rows, int columns, int inner, int threads, bool adds = false)
    {
        var panels = (rows + TileRows - 1) / TileRows;
        var packed = Allocate((long)panels * TileRows * inner);
        try
        {
            for (var panel = 0; panel < panels; panel++)
            {
                PackRows(a, panel * TileRows, rows, inner, (float*)packed + ((long)panel * TileRows * inner));
            }

            Threads.For((columns + GroupColumns - 1) / GroupColumns, threads, group => Group(packed, b, c, group * GroupColumns, rows, columns, inner, adds));
        }
        finally
        {
            NativeMemory.AlignedFree((void*)packed);
        }
    }

    private static nint Allocate(long elements) => (nint)NativeMemory.AlignedAlloc((nuint)(elements * sizeof(float)), 64);

    private static void Group(nint packedRows, Strided b, nint c, int column, int rows, int columns, int inner, bool adds)
    {
        var strips = (Math.Min(GroupColumns, columns - column) + TileColumns - 1) / TileColumns;
        var packed = Allocate(GroupColumns * GroupInner);
        try
        {
            for (var first = 0; first < inner; first += GroupInner)
            {
                var length = Math.Min(GroupInner, inner - first);
                for (var strip = 0; strip < strips; strip++)
                {
                    PackColumns(b, first, length, column + (strip * TileColumns), columns, (float*)packed + (strip * TileColumns * length));
                }

                var (tile, tiles) = (0, (rows + TileRows - 1) / TileRows * strips);
                for (var row = 0; row < rows; row += TileRows)
                {
                    var panel = (float*)packedRows + ((long)row * inner) + ((long)first * TileRows);
                    for (var strip = 0; strip < strips; strip++, tile++)
                    {
                        FetchNext(b, first, column, columns, inner, tile, tiles);
                        Tile(panel, (float*)packed + (strip * TileColumns * length), length, (float*)c, row, rows, column + (strip * TileColumns), columns, adds || first > 0);
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree((void*)packed);
        }
    }

    /// <summary>What is packed next comes from memory while this is computed: few rows would wait for it longer than they compute.</summary>
    /// <param name="first">Of the inner index, of what is computed.</param>
    private static void FetchNext(Strided b, int first, int column, int columns, int inner, int part, int parts)
    {
        (first, column) = first + GroupInner < inner ? (first + GroupInner, column) : (0, column + GroupColumns);
        var (height, width) = (Math.Min(GroupInner, inner - first), Math.Min(GroupColumns, columns - column));
        if (width <= 0 || !Sse.IsSupported)
        {
            return;
        }

        const int LineElements = 16;
        var (count, length) = b.RowStride == 1 ? (width, height) : (height, width);
        for (var line = count * part / parts; line < count * (part + 1) / parts; line++)
        {
            var from = b.RowStride == 1 ? b.At(first, column + line) : b.At(first + line, column);
            for (var offset = 0; offset < length; offset += LineElements)
            {
                Sse.Prefetch1(from + offset);
            }
        }
    }

    /// <summary>[inner, 6]; rows past the end are zero.</summary>
    private static void PackRows(Strided a, int row, int rows, int inner, float* to)
    {
        var count = Math.Min(TileRows, rows - row);
        for (var offset = 0; offset < TileRows; offset++)
        {
            if (offset >= count)
            {
                for (var index = 0; index < inner; index++)
                {
                    to[(index * TileRows) + offset] = 0;
                }

                continue;
            }

            var from = a.At(row + offset, 0);
            for (var index = 0; index < inner; index++)
            {
                to[(index * TileRows) + offset] = from[(long)index * a.ColumnStride];
            }
        }
    }

    /// <summary>[length, 16]; columns past the end are zero.</summary>
    private static void PackColumns(Strided b, int first, int length, int column, int columns, float* to)
    {
        var count = Math.Min(TileColumns, columns - column);
        if (count == TileColumns && b.ColumnStride == 1)
        {
            for (var index = 0; index < length; index++)
            {
                var from = b.At(first + index, column);
                Vector256.Store(Vector256.Load(from), to + (index * TileColumns));
                Vector256.Store(Vector256.Load(from + 8), to + (index * TileColumns) + 8);
            }

            return;
        }

        // Eight by eight where both the rows and the columns are whole.
        var whole = count == TileColumns && b.RowStride == 1 && Avx.IsSupported ? length & ~7 : 0;
        for (var index = 0; index < whole; index += 8)
        {
            Transpose(b.At(first + index, column), b.ColumnStride, to + (index * TileColumns));
            Transpose(b.At(first + index, column + 8), b.ColumnStride, to + (index * TileColumns) + 8);
        }

        for (var index = whole; index < length; index++)
        {
            for (var offset = 0; offset < TileColumns; offset++)
            {
                to[(index * TileColumns) + offset] = offset < count ? *b.At(first + index, column + offset) : 0;
            }
        }
    }

    /// <summary>Eight rows of eight, to columns: two times four of each, rows i and i + 4 in the halves of one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* from, long stride, float* to)
    {
        for (var half = 0; half < 2; half++, from += 4, to += 4 * TileColumns)
        {
            var (a, b) = (Rows(from, stride), Rows(from + stride, stride));
            var (c, d) = (Rows(from + (2 * stride), stride), Rows(from + (3 * stride), stride));
            var (lowLeft, highLeft) = (Avx.UnpackLow(a, b).AsDouble(), Avx.UnpackHigh(a, b).AsDouble());
            var (lowRight, highRight) = (Avx.UnpackLow(c, d).AsDouble(), Avx.UnpackHigh(c, d).AsDouble());
            Vector256.Store(Avx.UnpackLow(lowLeft, lowRight).AsSingle(), to);
            Vector256.Store(Avx.UnpackHigh(lowLeft, lowRight).AsSingle(), to + TileColumns);
            Vector256.Store(Avx.UnpackLow(highLeft, highRight).AsSingle(), to + (2 * TileColumns));
            Vector256.Store(Avx.UnpackHigh(highLeft, highRight).AsSingle(), to + (3 * TileColumns));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Rows(float* from, long stride) => Vector256.Create(Vector128.Load(from), Vector128.Load(from + (4 * stride)));

    private static void Tile(float* a, float* b, int length, float* c, int row, int rows, int column, int columns, bool adds)
    {
        var (height, width) = (Math.Min(TileRows, rows - row), Math.Min(TileColumns, columns - column));
        var at = c + ((long)row * columns) + column;
        if (height == TileRows && width == TileColumns)
        {
            Multiply(a, b, length, at, columns, adds);
            return;
        }

        // At the edges by way of a whole tile.
        var whole = stackalloc float[TileRows * TileColumns];
        for (var line = 0; line < height && adds; line++)
        {
            new ReadOnlySpan<float>(at + ((long)line * columns), width).CopyTo(new Span<float>(whole + (line * TileColumns), TileColumns));
        }

        Multiply(a, b, length, whole, TileColumns, adds);
        for (var line = 0; line < height; line++)
        {
            new ReadOnlySpan<float>(whole + (line * TileColumns), width).CopyTo(new Span<float>(at + ((long)line * columns), width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(float* a, float* b, int length, float* c, long stride, bool adds)
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (var index = 0; index < length; index++)
        {
            var (first, second) = (Vector256.Load(b), Vector256.Load(b + 8));
            var x = Vector256.Create(a[0]);
            c00 = Vector256.FusedMultiplyAdd(x, first, c00);
            c01 = Vector256.FusedMultiplyAdd(x, second, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(x, first, c10);
            c11 = Vector256.FusedMultiplyAdd(x, second, c11);
            x = Vector256.Create(a[2]);
            c20 = Vector256.FusedMultiplyAdd(x, first, c20);
            c21 = Vector256.FusedMultiplyAdd(x, second, c21);
            x = Vector256.Create(a[3]);
            c30 = Vector256.FusedMultiplyAdd(x, first, c30);
            c31 = Vector256.FusedMultiplyAdd(x, second, c31);
            x = Vector256.Create(a[4]);
            c40 = Vector256.FusedMultiplyAdd(x, first, c40);
            c41 = Vector256.FusedMultiplyAdd(x, second, c41);
            x = Vector256.Create(a[5]);
            c50 = Vector256.FusedMultiplyAdd(x, first, c50);
            c51 = Vector256.FusedMultiplyAdd(x, second, c51);
            a += TileRows;
            b += TileColumns;
        }

        Finish(c00, c01, c, adds);
        Finish(c10, c11, c + stride, adds);
        Finish(c20, c21, c + (2 * stride), adds);
        Finish(c30, c31, c + (3 * stride), adds);
        Finish(c40, c41, c + (4 * stride), adds);
        Finish(c50, c51, c + (5 * stride), adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> left, Vector256<float> right, float* c, bool adds)
    {
        Vector256.Store(adds ? Vector256.Load(c) + left : left, c);
        Vector256.Store(adds ? Vector256.Load(c + 8) + right : right, c + 8);
    }
}

/// <summary>A matrix of float32 in the host's memory, of any layout.</summary>
/// <param name="RowStride">Elements from one row to the next.</param>
/// <param name="ColumnStride">Elements from one column to the next.</param>
internal readonly unsafe record struct Strided(nint Address, long RowStride, long ColumnStride)
{
    public Strided Transposed => new(Address, ColumnStride, RowStride);

    public static Strided RowMajor(nint address, int columns) => new(address, columns, 1);

    public float* At(int row, int column) => (float*)Address + (row * RowStride) + (column * ColumnStride);
}
