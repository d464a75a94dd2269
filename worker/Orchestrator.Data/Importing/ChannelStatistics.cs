using System.Collections.Immutable;

namespace Orchestrator.Data.Importing;

/// <summary>
/// Mean and standard deviation per channel, row after row in one fixed order: exact integer sums for bytes, Welford's recurrence
/// (Technometrics 1962) in double for floats.
/// </summary>
internal sealed class ChannelStatistics(int channels, int perChannel)
{
    private readonly Int128[] sums = new Int128[channels];
    private readonly Int128[] squares = new Int128[channels];
    private readonly double[] means = new double[channels];
    private readonly double[] moments = new double[channels];
    private long count;
    private bool exact;

    /// <param name="row">[channels, perChannel]</param>
    public void Add(ReadOnlySpan<byte> row)
    {
        exact = true;
        count += perChannel;
        for (var channel = 0; channel < channels; channel++)
        {
            var (sum, square) = (0L, 0L);
            foreach (var value in row.Slice(channel * perChannel, perChannel))
            {
                sum += value;
                square += value * value;
            }

            sums[channel] += sum;
            squares[channel] += square;
        }
    }

    /// <param name="row">[channels, perChannel]</param>
    public void Add(ReadOnlySpan<float> row)
    {
        for (var channel = 0; channel < channels; channel++)
        {
            var (mean, moment, seen) = (means[channel], moments[channel], count);
            foreach (var value in row.Slice(channel * perChannel, perChannel))
            {
                var delta = value - mean;
                mean += delta / ++seen;
                moment += delta * (value - mean);
            }

            (means[channel], moments[channel]) = (mean, moment);
        }

        count += perChannel;
    }

    public ImmutableArray<double> Mean() =>
        [.. Enumerable.Range(0, channels).Select(channel => count == 0 ? 0 : exact ? (double)sums[channel] / count : means[channel])];

    /// <summary>Of the population.</summary>
    public ImmutableArray<double> Deviation() =>
        [.. Enumerable.Range(0, channels).Select(channel => count == 0 ? 0 : Math.Sqrt(Variance(channel)))];

    // n * sum of squares - square of sum is exact in 128 bits: no digits are lost where the spread is small.
    private double Variance(int channel) => exact
        ? (double)(((Int128)count * squares[channel]) - (sums[channel] * sums[channel])) / ((double)count * count)
        : Math.Max(0, moments[channel] / count);
}
