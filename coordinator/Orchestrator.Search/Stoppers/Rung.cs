using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>A trial at a rung; the better comes first, ties go to the lower trial.</summary>
/// <param name="Score">Lower is better, whatever the goal; infinite without a value.</param>
public readonly record struct RungEntry(double Score, int Trial) : IComparable<RungEntry>
{
    public static RungEntry Of(Goal goal, int trial, double? value) =>
        new(value is { } known && double.IsFinite(known) ? goal == Goal.Maximize ? -known : known : double.PositiveInfinity, trial);

    public int CompareTo(RungEntry other) => Score != other.Score ? Score.CompareTo(other.Score) : Trial.CompareTo(other.Trial);

    public static bool operator <(RungEntry left, RungEntry right) => left.CompareTo(right) < 0;

    public static bool operator >(RungEntry left, RungEntry right) => left.CompareTo(right) > 0;

    public static bool operator <=(RungEntry left, RungEntry right) => left.CompareTo(right) <= 0;

    public static bool operator >=(RungEntry left, RungEntry right) => left.CompareTo(right) >= 0;
}

/// <summary>Who came to a rung, and who still rests there. Immutable.</summary>
public sealed record Rung
{
    public static Rung Empty { get; } = new();

    /// <summary>Everybody who ever came.</summary>
    public ImmutableSortedSet<RungEntry> Entries { get; init; } = [];

    /// <summary>Those who were neither promoted nor stopped.</summary>
    public ImmutableSortedSet<RungEntry> Resting { get; init; } = [];

    /// <summary>How many ended on the way to it.</summary>
    public int Missed { get; init; }

    /// <summary>How many went on from it.</summary>
    public int Promoted { get; init; }

    [JsonIgnore]
    public int Known => Entries.Count + Missed;

    /// <summary>From 0, the best.</summary>
    public int RankOf(RungEntry entry) => Entries.IndexOf(entry);
}
