using System.Globalization;

namespace Orchestrator.Worker.Trainer;

/// <summary>Ports that a firewall leaves open between trainers: <c>A-B</c>, both inclusive.</summary>
internal readonly record struct PortRange(int First, int Last)
{
    public static PortRange? TryParse(string text)
    {
        var parts = text.Split('-');
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && first is > 0 and <= 65535 && last >= first && last <= 65535
                ? new PortRange(first, last)
                : null;
    }

    public override string ToString() => $"{First}-{Last}";
}
