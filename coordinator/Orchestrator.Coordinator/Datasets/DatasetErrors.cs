using Grpc.Core;
using Orchestrator.Coordinator.Api;

namespace Orchestrator.Coordinator.Datasets;

internal static class DatasetErrors
{
    public const string AddAgain = "add the dataset again with `orch dataset add`";

    public static UserException Unknown(string name, IEnumerable<string> known) => new(
        StatusCode.NotFound, "unknown-dataset", $"there is no dataset '{name}'",
        NearestName.To(name, known) is { } near ? $"did you mean '{near}'?" : "`orch dataset list` shows those there are, `orch dataset add` adds one");

    public static UserException BadName(string name) => new(
        StatusCode.InvalidArgument, "bad-name", $"'{Shortened(name)}' can't name a dataset", "1 to 63 lower-case letters, digits, '.', '_' and '-', a letter or digit first");

    public static UserException UnknownChunk() => new(StatusCode.NotFound, "unknown-chunk", "there is no such chunk", AddAgain);

    public static UserException UnknownManifest() => new(StatusCode.NotFound, "unknown-dataset", "there is no dataset with this manifest", AddAgain);

    public static UserException Refused(string code, string message) => new(StatusCode.InvalidArgument, code, message, AddAgain);

    public static UserException BuiltIn(string name) => new(
        StatusCode.FailedPrecondition, "built-in-dataset", $"the dataset '{name}' is always there and can't be replaced or deleted", "add yours under another name");

    private static string Shortened(string name) => name.Length <= 80 ? name.ReplaceLineEndings(" ") : $"{name[..80].ReplaceLineEndings(" ")}…";
}

/// <summary>The known name that a mistyped one was probably meant to be.</summary>
internal static class NearestName
{
    private const int LongestName = 100;

    /// <returns>Null where none is within a third of the name's letters.</returns>
    public static string? To(string name, IEnumerable<string> known) => name.Length > LongestName
        ? null
        : known.Select(candidate => (Name: candidate, Distance: Distance(name, candidate)))
            .Where(candidate => candidate.Distance <= Math.Max(1, name.Length / 3))
            .OrderBy(candidate => candidate.Distance).ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Select(candidate => candidate.Name).FirstOrDefault();

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j - 1], above) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
