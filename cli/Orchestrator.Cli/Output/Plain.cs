using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Cli.Output;

/// <summary>Values as a person reads them.</summary>
public static class Plain
{
    public static string Number(double value) => value switch
    {
        _ when double.IsInteger(value) && Math.Abs(value) < 1e9 => ((long)value).ToString(CultureInfo.InvariantCulture),
        _ when Math.Abs(value) is >= 1e-3 and < 1e5 => value.ToString("0.####", CultureInfo.InvariantCulture),
        _ => value.ToString("0.###e0", CultureInfo.InvariantCulture),
    };

    /// <summary>"1 worker", "2 workers".</summary>
    public static string Count(long number, string thing) => number == 1 ? $"1 {thing}" : $"{number} {thing}s";

    public static string Value(Value value) => value.KindCase switch
    {
        Google.Protobuf.WellKnownTypes.Value.KindOneofCase.NumberValue => Number(value.NumberValue),
        Google.Protobuf.WellKnownTypes.Value.KindOneofCase.StringValue => value.StringValue,
        _ => ProtoJson.Line(value),
    };

    public static string Metrics(IEnumerable<KeyValuePair<string, double>> metrics) =>
        string.Join("  ", metrics.OrderBy(metric => metric.Key, StringComparer.Ordinal).Select(metric => $"{metric.Key} {Number(metric.Value)}"));

    public static string Seconds(double seconds) => seconds switch
    {
        < 0.001 => $"{seconds * 1e6:0} us",
        < 1 => $"{seconds * 1e3:0.#} ms",
        < 60 => $"{seconds:0.0} s",
        < 3600 => $"{(int)seconds / 60}m {(int)seconds % 60:00}s",
        _ => $"{(int)seconds / 3600}h {(int)seconds / 60 % 60:00}m",
    };

    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => $"{bytes} B",
        < 1024 * 1024 => $"{bytes / 1024.0:0.#} KiB",
        < 1024L * 1024 * 1024 => $"{bytes / 1048576.0:0.#} MiB",
        _ => $"{bytes / 1073741824.0:0.##} GiB",
    };

    /// <summary>A bar of <paramref name="width"/> characters, filled to <paramref name="part"/> of one.</summary>
    public static string Bar(double part, int width)
    {
        var full = (int)Math.Round(Math.Clamp(double.IsNaN(part) ? 0 : part, 0, 1) * width);
        return new string('█', full) + new string('░', width - full);
    }
}
