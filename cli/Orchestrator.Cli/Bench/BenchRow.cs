using System.Text.Json;
using System.Text.Json.Serialization;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Bench;

/// <summary>One comparison: medians, and how often each side was measured.</summary>
/// <param name="Ratio">Above 1 where ours is better.</param>
internal sealed record BenchRow(
    [property: JsonPropertyName("case")] string Case,
    [property: JsonPropertyName("ours")] double Ours,
    [property: JsonPropertyName("peer")] double Peer,
    [property: JsonPropertyName("ratio")] double Ratio,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("samples")] int Samples)
{
    /// <summary>Of ours, where a bench tells it; null otherwise.</summary>
    [JsonPropertyName("best")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Best { get; init; }

    /// <summary>The other end of it.</summary>
    [JsonPropertyName("worst")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Worst { get; init; }

    /// <summary>Where the ratio lies with 95 % certainty, for what was measured so; null otherwise.</summary>
    [JsonPropertyName("low")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Low { get; init; }

    /// <summary>The other end of it.</summary>
    [JsonPropertyName("high")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? High { get; init; }

    public static BenchRow Of(string name, IReadOnlyList<double> ours, IReadOnlyList<double> peer, string unit, bool moreIsBetter = true)
    {
        var (mine, theirs) = (Median(ours), Median(peer));
        return new BenchRow(name, mine, theirs, Math.Round(moreIsBetter ? mine / theirs : theirs / mine, 3), unit, ours.Count);
    }

    /// <summary>What has no peer: 0 stands for it and for the ratio in JSON, nothing in a table.</summary>
    public static BenchRow Alone(string name, IReadOnlyList<double> ours, string unit) => new(name, Median(ours), 0, 0, unit, ours.Count);

    public static void Print(Shell shell, string name, IReadOnlyList<BenchRow> rows, bool json)
    {
        if (json)
        {
            shell.Out.WriteLine(JsonSerializer.Serialize(new { name, rows }, JsonText.Indented));
            return;
        }

        Tables.Print(shell, ["case", "ours", "peer", "ratio", "unit", "samples"], rows.Select(row => (IReadOnlyList<string>)
            [row.Case, OursOf(row), row.Peer == 0 ? "" : Plain.Number(row.Peer), row.Peer == 0 ? "" : RatioOf(row), row.Unit, row.Samples.ToString()]));
    }

    private static string OursOf(BenchRow row) => row.Best is { } best && row.Worst is { } worst ? $"{Plain.Number(row.Ours)} ({Plain.Number(best)} to {Plain.Number(worst)})" : Plain.Number(row.Ours);

    private static string RatioOf(BenchRow row) =>
        row.Low is { } low && row.High is { } high ? $"{Plain.Number(row.Ratio)} ({Plain.Number(low)} to {Plain.Number(high)})" : Plain.Number(row.Ratio);

    private static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return Math.Round(sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2, 3);
    }
}
