namespace Orchestrator.Search;

/// <summary>
/// The lower triangle L of a symmetric positive definite matrix A = L L', by rows, and what follows from it. Sums run in <see cref="Lanes"/>: the same bits on
/// every machine, which a numerical library whose provider, threads and vector width differ does not promise.
/// </summary>
internal sealed class Cholesky
{
    private Cholesky(double[][] rows) => Rows = rows;

    /// <summary>L: row i has i + 1 entries or more, of which those up to the diagonal count.</summary>
    public double[][] Rows { get; }

    public int Size => Rows.Length;

    /// <summary>log of A's determinant.</summary>
    public double LogDeterminant
    {
        get
        {
            var sum = 0.0;
            for (var i = 0; i < Size; i++)
            {
                sum += Exact.Log(Rows[i][i]);
            }

            return 2 * sum;
        }
    }

    /// <summary>Null where the matrix is not positive definite in this arithmetic.</summary>
    /// <param name="matrix">Its lower triangle by rows; is overwritten and kept.</param>
    public static Cholesky? Of(double[][] matrix)
    {
        for (var i = 0; i < matrix.Length; i++)
        {
            var row = matrix[i];
            for (var j = 0; j < i; j++)
            {
                row[j] = (row[j] - Lanes.Dot(row.AsSpan(0, j), matrix[j].AsSpan(0, j))) / matrix[j][j];
            }

            var pivot = row[i] - Lanes.Dot(row.AsSpan(0, i), row.AsSpan(0, i));
            if (!(pivot > 0) || !double.IsFinite(pivot))
            {
                return null;
            }

            row[i] = Math.Sqrt(pivot);
        }

        return new Cholesky(matrix);
    }

    /// <summary>L^-1 b.</summary>
    public double[] SolveLower(ReadOnlySpan<double> b)
    {
        var x = new double[Size];
        for (var i = 0; i < Size; i++)
        {
            x[i] = (b[i] - Lanes.Dot(Rows[i].AsSpan(0, i), x.AsSpan(0, i))) / Rows[i][i];
        }

        return x;
    }

    /// <summary>L'^-1 b.</summary>
    public double[] SolveUpper(ReadOnlySpan<double> b)
    {
        var x = b.ToArray();
        for (var i = Size - 1; i >= 0; i--)
        {
            x[i] /= Rows[i][i];
            Lanes.AddScaled(-x[i], Rows[i].AsSpan(0, i), x.AsSpan(0, i));
        }

        return x;
    }

    /// <summary>A^-1: its lower triangle by rows.</summary>
    public double[][] Inverse()
    {
        var lower = new double[Size][];
        for (var i = 0; i < Size; i++)
        {
            var row = lower[i] = new double[i + 1];
            for (var k = 0; k < i; k++)
            {
                Lanes.AddScaled(-Rows[i][k], lower[k], row.AsSpan(0, k + 1));
            }

            row[i] = 1;
            var pivot = 1 / Rows[i][i];
            for (var j = 0; j <= i; j++)
            {
                row[j] *= pivot;
            }
        }

        var inverse = new double[Size][];
        for (var i = 0; i < Size; i++)
        {
            inverse[i] = new double[i + 1];
            for (var k = i; k < Size; k++)
            {
                Lanes.AddScaled(lower[k][i], lower[k].AsSpan(0, i + 1), inverse[i]);
            }
        }

        return inverse;
    }
}
