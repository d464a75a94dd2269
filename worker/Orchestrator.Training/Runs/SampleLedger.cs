using System.Globalization;

namespace Orchestrator.Training;

/// <summary>
/// Which samples an epoch's applied steps have used, over all ranks: their count, and a hash that does not depend on the order or on who used them (the sum of a mixed row number, modulo 2^64). It is
/// summed with the step's other totals, so that every rank has the whole of it and a rank's death takes nothing along.
/// </summary>
internal sealed class SampleLedger
{
    private long samples;
    private ulong hash;

    public LedgerEntry Entry => new(samples, hash.ToString("x16", CultureInfo.InvariantCulture));

    /// <summary>What a set of rows adds.</summary>
    public static ulong HashOf(ReadOnlySpan<long> rows)
    {
        var sum = 0UL;
        foreach (var row in rows)
        {
            sum += Mixing.Finish((ulong)row + 1);
        }

        return sum;
    }

    /// <summary>What a whole epoch must come to: every row of the split once.</summary>
    public static LedgerEntry Expected(long rows)
    {
        var sum = 0UL;
        for (var row = 0L; row < rows; row++)
        {
            sum += Mixing.Finish((ulong)row + 1);
        }

        return new LedgerEntry(rows, sum.ToString("x16", CultureInfo.InvariantCulture));
    }

    /// <summary>The rows of a step that has been applied.</summary>
    public void Add(long count, ulong rows) => (samples, hash) = (samples + count, hash + rows);

    public void Clear() => (samples, hash) = (0, 0);

    /// <summary>Takes up a checkpoint's ledger, or a peer's.</summary>
    public void Restore(LedgerEntry entry) => (samples, hash) = (entry.Samples, ulong.Parse(entry.Hash, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
