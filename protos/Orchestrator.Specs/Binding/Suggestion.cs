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

    /// <summary>Edits between two words: a letter too many, too few or another, and two neighbours the wrong way round (Damerau 1964). '-' and '_' count as equal.</summary>
    private static int Distance(string a, string b)
    {
        var edits = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                edits[i, j] = i == 0 || j == 0 ? i + j : Math.Min(Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1, edits[i - 1, j - 1] + (Same(i, j) ? 0 : 1));
                if (i > 1 && j > 1 && Same(i, j - 1) && Same(i - 1, j))
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[a.Length, b.Length];

        bool Same(int i, int j) => Fold(a[i - 1]) == Fold(b[j - 1]);
    }

    private static char Fold(char c) => c == '-' ? '_' : char.ToLowerInvariant(c);
}
