using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Orchestrator.Worker.Bench.Bits;

/// <summary>One training of a file.</summary>
internal sealed record BitsRow(string Model, string Optimizer, int Workers, string Transport, long Steps, string WeightsHash);

internal sealed record BitsReport(IReadOnlyList<BitsRow> Rows)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    /// <summary>Files whose trainings do not all have the same hash.</summary>
    public IReadOnlyList<string> Parted => [.. Files.Where(file => file.Select(row => row.WeightsHash).Distinct(StringComparer.Ordinal).Count() > 1).Select(file => file.Key)];

    private IEnumerable<IGrouping<string, BitsRow>> Files => Rows.GroupBy(row => $"{row.Model} {row.Optimizer}");

    public string ToJson() => JsonSerializer.Serialize(new { Name = "bits", Rows, Parted }, Json);

    /// <summary>A line a file; where hashes differ, a line for each of them.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        foreach (var file in Files)
        {
            foreach (var alike in file.GroupBy(row => row.WeightsHash))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{file.Key,-14} {alike.Key}  {alike.Count()} of {file.Count()}: {string.Join(", ", alike.Select(row => $"{row.Workers} {row.Transport}"))}");
            }
        }

        return text.ToString().TrimEnd();
    }
}
