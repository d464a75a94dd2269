using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Worker.Bench;

/// <summary>What was measured, for scripts and for people.</summary>
/// <param name="Remarks">What could not be measured here, and why.</param>
internal sealed record BenchReport(string Name, IReadOnlyList<BenchRow> Rows, IReadOnlyList<string> Remarks)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Name,
            Rows = Rows.Select(row => new { row.Case, Ours = row.Ours.Median, Peer = row.Peer.Median, Ratio = row.Ratio.Median, row.Unit, row.Samples }),
        },
        Json);

    /// <summary>Medians with the best in parentheses; the ratio's median with the middle half of the turns.</summary>
    public string ToText()
    {
        var cells = Rows.Select(row => new[] { row.Case, Rate(row.Ours), Rate(row.Peer), row.Unit, Spread(row.Ratio), row.PeerName })
            .Prepend(["case", "ours (best)", "peer (best)", "unit", "ratio (middle half)", "peer"]).ToArray();
        var widths = Enumerable.Range(0, cells[0].Length).Select(column => cells.Max(line => line[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var line in cells)
        {
            text.AppendJoin("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).Length -= widths[^1] - line[^1].Length;
            text.AppendLine();
        }

        return text.AppendJoin('\n', Remarks).ToString().TrimEnd();
    }

    private static string Rate(Spread rates) => $"{Show(rates.Median)} ({Show(rates.Best)})";

    private static string Spread(Spread ratio) => $"{Show(ratio.Median)} ({Show(ratio.LowerQuartile)} to {Show(ratio.UpperQuartile)})";

    private static string Show(double value) => value.ToString(value >= 100 ? "0" : "0.00", CultureInfo.InvariantCulture);
}

/// <param name="Case">As scripts know it.</param>
/// <param name="Ours">In <paramref name="Unit"/>, more is better, one a turn.</param>
/// <param name="Ratio">Ours over the peer's, turn by turn: what slows a turn down slows both.</param>
internal sealed record BenchRow(string Case, Spread Ours, Spread Peer, Spread Ratio, string Unit, string PeerName, int Samples)
{
    public static BenchRow Of(string @case, string unit, string peerName, IReadOnlyList<(double Ours, double Peer)> turns) => new(
        @case,
        Spread.Of(turns.Select(turn => turn.Ours)),
        Spread.Of(turns.Select(turn => turn.Peer)),
        Spread.Of(turns.Select(turn => turn.Ours / turn.Peer)),
        unit,
        peerName,
        turns.Count);

    /// <summary>Where less is better.</summary>
    public static BenchRow Latency(string @case, string unit, string peerName, IReadOnlyList<(double Ours, double Peer)> turns) =>
        new(
            @case,
            Spread.Of(turns.Select(turn => turn.Ours)) with { Best = turns.Min(turn => turn.Ours) },
            Spread.Of(turns.Select(turn => turn.Peer)) with { Best = turns.Min(turn => turn.Peer) },
            Spread.Of(turns.Select(turn => turn.Peer / turn.Ours)),
            unit,
            peerName,
            turns.Count);
}

internal sealed record Spread(double LowerQuartile, double Median, double UpperQuartile, double Best)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new Spread(At(sorted, 0.25), At(sorted, 0.5), At(sorted, 0.75), sorted[^1]);
    }

    private static double At(double[] sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var (low, high) = ((int)Math.Floor(place), (int)Math.Ceiling(place));
        return sorted[low] + ((sorted[high] - sorted[low]) * (place - low));
    }
}
