using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Bench.Search;

/// <summary>
/// The other library, as a program: <c>COMMAND FUNCTION SAMPLER TRIALS SEEDS PARALLEL</c> prints a JSON object with <c>best</c>, a value per seed, and
/// <c>COMMAND ask SAMPLER TRIALS PARAMETERS REPEATS</c> one with <c>milliseconds</c>. <c>optuna_search.py</c> beside this file is one. Long runs can be recorded
/// in a file and taken from it.
/// </summary>
/// <param name="command">Words with spaces between; null where only the record is asked.</param>
/// <param name="record">A file of answers; null for none.</param>
internal sealed class SearchPeer(string? command, string? record)
{
    private readonly JsonObject known = record is not null && File.Exists(record) ? Read(record) : [];

    /// <summary>The best true value by seed; empty where the peer is not asked or has no such sampler.</summary>
    public Task<IReadOnlyList<double>> BestAsync(string function, string sampler, int trials, int seeds, int parallel, CancellationToken cancellation) =>
        AskAsync([function, sampler, Text(trials), Text(seeds), Text(parallel)], "best", cancellation);

    public Task<IReadOnlyList<double>> AsksAsync(string sampler, int trials, int parameters, int repeats, CancellationToken cancellation) =>
        AskAsync(["ask", sampler, Text(trials), Text(parameters), Text(repeats)], "milliseconds", cancellation);

    private async Task<IReadOnlyList<double>> AskAsync(string[] words, string field, CancellationToken cancellation)
    {
        var key = string.Join(' ', words);
        if (known[key] is null && command is not null)
        {
            known[key] = await RunAsync(words, cancellation);
            if (record is not null)
            {
                await File.WriteAllTextAsync(record, known.ToJsonString(JsonText.Indented), cancellation);
            }
        }

        return known[key]?[field] is JsonArray values ? [.. values.Select(value => value!.GetValue<double>())] : [];
    }

    private async Task<JsonNode?> RunAsync(string[] words, CancellationToken cancellation)
    {
        var program = command!.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (program.Length == 0)
        {
            throw CliException.BadInput("--peer is empty; name a command, as in --peer 'python3 optuna_search.py'");
        }

        var start = new ProcessStartInfo(program[0], [.. program[1..], .. words]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        try
        {
            using var process = Process.Start(start)!;
            await using var end = cancellation.Register(() => process.Kill(entireProcessTree: true));
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            var output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return process.ExitCode == 0
                ? JsonNode.Parse(output)
                : throw CliException.Failed($"the peer '{command} {string.Join(' ', words)}' ended with {process.ExitCode}: {(await errors).Trim().Split('\n')[^1]}");
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or JsonException)
        {
            throw CliException.BadInput($"--peer: '{program[0]}' does not answer as it must: {error.Message}; see docs/bench-search.md");
        }
    }

    private static JsonObject Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new JsonException("it holds no object");
        }
        catch (JsonException error)
        {
            throw CliException.BadInput($"--record: {path} is no record of a peer: {error.Message}; name another file");
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
