using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Training;

/// <summary>
/// Named sums that become metrics: numerator over denominator. Sums of parts add up to the sums of the whole, so a metric is the same however the rows were dealt out.
/// </summary>
public sealed class MetricSums
{
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly SortedDictionary<string, Sum> sums = new(StringComparer.Ordinal);

    /// <summary>True on the test split: metrics per class are wanted too.</summary>
    public bool Detailed { get; init; }

    /// <summary>A share: <paramref name="hits"/> of <paramref name="of"/>, exact.</summary>
    public void Count(string name, long hits, long of) => Add(name, new Sum(hits, 0, of));

    /// <summary>A mean: <paramref name="total"/> over <paramref name="of"/>.</summary>
    public void Total(string name, double total, long of) => Add(name, new Sum(0, total, of));

    /// <summary>Adds the sums of the next rows to those of these: this + other.</summary>
    public void Merge(MetricSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (var (name, sum) in other.sums)
        {
            Add(name, sum);
        }
    }

    /// <summary>By name, with a prefix: <c>val_accuracy</c>. Those with a denominator of 0 are left out.</summary>
    public void WriteTo(IDictionary<string, double> metrics, string prefix)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        foreach (var (name, sum) in sums.Where(pair => pair.Value.Of != 0))
        {
            metrics[prefix + name] = (sum.Hits + sum.Total) / sum.Of;
        }
    }

    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(sums, Json);

    internal static MetricSums FromBytes(ReadOnlySpan<byte> bytes)
    {
        var result = new MetricSums();
        foreach (var (name, sum) in JsonSerializer.Deserialize<Dictionary<string, Sum>>(bytes, Json)!)
        {
            result.Add(name, sum);
        }

        return result;
    }

    private void Add(string name, Sum sum)
    {
        sums.TryGetValue(name, out var had);
        sums[name] = new Sum(had.Hits + sum.Hits, had.Total + sum.Total, had.Of + sum.Of);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Sum(long Hits, double Total, long Of);
}
