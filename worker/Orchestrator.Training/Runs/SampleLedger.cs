using System.Globalization;
using System.Runtime.InteropServices;
using Orchestrator.Collectives;

namespace Orchestrator.Training;

/// <summary>
/// Which samples an epoch's applied steps have used: their count, and a hash that does not depend on the order or on who used them (the sum of a mixed row number, modulo 2^64).
/// </summary>
internal sealed class SampleLedger
{
    private long samples;
    private ulong hash;
    private long pendingSamples;
    private ulong pendingHash;

    /// <summary>Rows of the step in flight; they count once it is applied.</summary>
    public void Add(ReadOnlySpan<long> rows)
    {
        foreach (var row in rows)
        {
            pendingHash += Mix((ulong)row + 1);
        }

        pendingSamples += rows.Length;
    }

    public void Commit()
    {
        (samples, hash) = (samples + pendingSamples, hash + pendingHash);
        (pendingSamples, pendingHash) = (0, 0);
    }

    public void Clear() => (samples, hash) = (0, 0);

    /// <summary>Takes up a checkpoint's ledger; on one rank only.</summary>
    public void Restore(LedgerEntry entry) => (samples, hash) = (entry.Samples, ulong.Parse(entry.Hash, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    /// <summary>The sum over all ranks, and of their flags.</summary>
    public (LedgerEntry Entry, bool AnyFlag) Gather(ICollective collective, bool flag)
    {
        var all = collective.AllGather(MemoryMarshal.AsBytes<ulong>([(ulong)samples, hash, flag ? 1UL : 0]));
        var (count, sum, flags) = (0UL, 0UL, 0UL);
        foreach (var bytes in all)
        {
            var values = MemoryMarshal.Cast<byte, ulong>(bytes);
            (count, sum, flags) = (count + values[0], sum + values[1], flags + values[2]);
        }

        return (new LedgerEntry((long)count, sum.ToString("x16", CultureInfo.InvariantCulture)), flags > 0);
    }

    /// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Mix(ulong value)
    {
        unchecked
        {
            value += 0x9E3779B97F4A7C15;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return value ^ (value >> 31);
        }
    }
}
