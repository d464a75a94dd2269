namespace Orchestrator.Search;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's rotations, out of + - * / and square roots in a fixed order: the same bits everywhere. Right
/// to a few units in the last place of the largest eigenvalue; O(n^3) for each of about eight sweeps (Golub and Van Loan, "Matrix computations", 8.5).
/// </summary>
internal static class SymmetricEigen
{
    private const int MostSweeps = 50;

    /// <param name="matrix">[n, n]; its lower triangle is looked at.</param>
    /// <returns>Eigenvalues [n], unordered, and vectors [n, n], one a column.</returns>
    public static (double[] Values, double[,] Vectors) Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var a = new double[n, n];
        var v = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            v[i, i] = 1;
            for (var j = 0; j <= i; j++)
            {
                a[i, j] = a[j, i] = matrix[i, j];
            }
        }

        for (var sweep = 0; sweep < MostSweeps && !IsDiagonal(a); sweep++)
        {
            for (var p = 0; p < n; p++)
            {
                for (var q = p + 1; q < n; q++)
                {
                    if (a[p, q] != 0)
                    {
                        Rotate(a, v, p, q);
                    }
                }
            }
        }

        var values = new double[n];
        for (var i = 0; i < n; i++)
        {
            values[i] = a[i, i];
        }

        return (values, v);
    }

    private static bool IsDiagonal(double[,] a)
    {
        var (off, on) = (0.0, 0.0);
        for (var i = 0; i < a.GetLength(0); i++)
        {
            on += a[i, i] * a[i, i];
            for (var j = 0; j < i; j++)
            {
                off += a[i, j] * a[i, j];
            }
        }

        return off <= 1e-32 * on;
    }

    /// <summary>Makes a[p, q] zero by turning the plane of p and q.</summary>
    private static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        var tangent = Math.Abs(theta) > 1e150 ? 0.5 / theta : (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(1 + (theta * theta)));
        var cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
        var sine = tangent * cosine;
        var n = a.GetLength(0);
        for (var k = 0; k < n; k++)
        {
            var (kp, kq) = (a[k, p], a[k, q]);
            a[k, p] = (cosine * kp) - (sine * kq);
            a[k, q] = (sine * kp) + (cosine * kq);
        }

        for (var k = 0; k < n; k++)
        {
            var (pk, qk) = (a[p, k], a[q, k]);
            a[p, k] = (cosine * pk) - (sine * qk);
            a[q, k] = (sine * pk) + (cosine * qk);
            (pk, qk) = (v[k, p], v[k, q]);
            v[k, p] = (cosine * pk) - (sine * qk);
            v[k, q] = (sine * pk) + (cosine * qk);
        }
    }
}
