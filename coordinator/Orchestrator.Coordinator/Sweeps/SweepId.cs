using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>A sweep's identifier: its name as a slug, and six random letters. Also the first part of its runs' identifiers.</summary>
internal static class SweepId
{
    private const int MostSlug = 40;

    /// <summary>Crockford's base 32: no letter that reads like a digit.</summary>
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New(string name) => $"{Slug(name)}-{RandomNumberGenerator.GetString(Alphabet, 6)}";

    private static string Slug(string name)
    {
        var slug = new StringBuilder();
        foreach (var letter in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(letter))
            {
                slug.Append(letter);
            }
            else if (slug.Length > 0 && slug[^1] != '-')
            {
                slug.Append('-');
            }
        }

        var text = slug.ToString()[..Math.Min(slug.Length, MostSlug)].Trim('-');
        return text.Length == 0 ? "sweep" : text;
    }
}
