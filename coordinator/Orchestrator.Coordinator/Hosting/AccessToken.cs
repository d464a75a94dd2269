using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>The token that callers must bring; none on a loopback coordinator without <c>--token-file</c>.</summary>
public sealed class AccessToken
{
    private const int ShortestToken = 16;
    private const int LongestToken = 4096;

    private readonly byte[]? _hash;

    private AccessToken(string? token)
    {
        Value = token;
        _hash = token is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes(token));
    }

    /// <summary>What embedded agents bring; null where none is needed.</summary>
    public string? Value { get; }

    public bool IsRequired => _hash is not null;

    /// <exception cref="StartupException">The file can't be read, or what it holds is no token.</exception>
    public static AccessToken Load(string? file)
    {
        if (file is null)
        {
            return new AccessToken(null);
        }

        try
        {
            if (new FileInfo(file).Length > LongestToken)
            {
                throw new StartupException($"--token-file {file} is too large for a token", $"one line of {ShortestToken} to {LongestToken} characters");
            }

            var token = File.ReadAllText(file).Trim();
            return token.Length >= ShortestToken && token.All(c => c is > ' ' and < (char)127)
                ? new AccessToken(token)
                : throw new StartupException(
                    $"--token-file {file} holds no good token", $"one line of at least {ShortestToken} characters: `openssl rand -hex 32 > {file}`");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"--token-file {file} can't be read: {error.Message}", "name a file that this user may read", error);
        }
    }

    /// <summary>Takes the same time whatever was offered: hashes are compared, all of them.</summary>
    public bool Accepts(string offered) => _hash is not null && CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(offered)));
}
