using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>How a command ended and what it said.</summary>
internal sealed record Outcome(string Line, int ExitCode, string Output, string Errors)
{
    /// <summary>Its output, which must be one JSON value; the command must have succeeded.</summary>
    public JsonElement Json()
    {
        Succeeded();
        return JsonSerializer.Deserialize<JsonElement>(Output);
    }

    /// <summary>Its output as one JSON value a line.</summary>
    public IReadOnlyList<JsonElement> JsonLines() =>
        [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];

    public Outcome Succeeded()
    {
        Assert.True(ExitCode == 0, $"{this}");
        return this;
    }

    /// <summary>Ended with this exit code, said one line on stderr that holds these words, and nothing on stdout.</summary>
    public void Refused(int exitCode, params string[] words)
    {
        Assert.True(ExitCode == exitCode, $"expected exit code {exitCode}: {this}");
        Assert.True(Output.Length == 0, $"expected nothing on stdout: {this}");
        Assert.True(Errors.StartsWith("error: ", StringComparison.Ordinal) && Errors.IndexOf('\n', StringComparison.Ordinal) == Errors.Length - 1,
            $"expected one line on stderr: {this}");
        Assert.All(words, word => Assert.True(Errors.Contains(word, StringComparison.OrdinalIgnoreCase), $"expected '{word}': {this}"));
    }

    public override string ToString() => $"{Line}\nended with {ExitCode}; stdout:\n{Output}\nstderr:\n{Errors}";
}
