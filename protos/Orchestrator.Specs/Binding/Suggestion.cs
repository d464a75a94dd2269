namespace Orchestrator.Specs.Binding;

/// <summary>"Did you mean": the nearest known word by edit distance.</summary>
public static class Suggestion
{
    /// <summary>The mend for an unknown word: the nearest one, else the whole list.</summary>
    public static string For(string word, IReadOnlyCollection<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        var nearest = known.Select(candidate => (Candidate: candidate, Distance: Distance(word, candidate))).OrderBy(pair => pair.Distance).FirstOrDefault();
        return nearest.Candidate is not null && nearest.Distance <= Math.Max(1, word.Length / 3)
            ? $"did you mean {nearest.Candidate}?"
            : $"known: {string.Join(", ", known)}";
    }

    /// <summary>Levenshtein distance; '-' and '_' count as equal.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = Fold(a[i - 1]) == Fold(b[j - 1]);
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (same ? 0 : 1)));
            }
        }

        return row[b.Length];
    }

    private static char Fold(char c) => c == '-' ? '_' : char.ToLowerInvariant(c);
}
