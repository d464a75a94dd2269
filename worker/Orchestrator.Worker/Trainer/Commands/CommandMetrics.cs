using System.Text.Json;

namespace Orchestrator.Worker.Trainer;

/// <summary>A line of a program's output that reports an epoch: a JSON object with numbers in it.</summary>
/// <param name="Epoch">As it says under <c>epoch</c> or <c>step</c>; the next one where it does not.</param>
internal sealed record CommandMetrics(int Epoch, IReadOnlyDictionary<string, double> Metrics)
{
    /// <returns>Null for any other line.</returns>
    public static CommandMetrics? Parse(string line)
    {
        if (!line.AsSpan().TrimStart().StartsWith("{", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(line);
            var epoch = int.MaxValue;
            var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var member in document.RootElement.EnumerateObject().Where(member => member.Value.ValueKind == JsonValueKind.Number))
            {
                if (member.Name is "epoch" or "step")
                {
                    epoch = member.Value.TryGetInt32(out var number) ? number : epoch;
                }
                else
                {
                    metrics[member.Name] = member.Value.GetDouble();
                }
            }

            return metrics.Count > 0 ? new CommandMetrics(epoch, metrics) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
