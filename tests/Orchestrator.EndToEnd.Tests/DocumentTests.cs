using System.Text.RegularExpressions;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>What the documents tell people to type, typed as it stands there: default port, default folders.</summary>
public sealed partial class DocumentTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Orch orch;

    public DocumentTests()
    {
        orch = new Orch(folder.Path);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "samples"), Path.Combine(Product.Root, "samples"));
        var program = Path.Combine(folder.Path, "orch");
        File.WriteAllText(program, $"#!/bin/sh\nexec dotnet '{Product.Command}' \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [Theory(Timeout = 180_000)]
    [InlineData("README.md", "## A cluster that stays")]
    [InlineData("docs/getting-started.md", "## A cluster that stays")]
    public async Task Commands_work_as_written(string document, string heading)
    {
        var commands = Commands(await File.ReadAllTextAsync(Path.Combine(Product.Root, document), TestContext.Current.CancellationToken), heading);
        Assert.NotEmpty(commands);
        foreach (var command in commands)
        {
            var sweep = command.Contains("SWEEP", StringComparison.Ordinal)
                ? (await orch.JsonAsync("sweep", "list")).Json().EnumerateArray().Last().Text("id")
                : "";
            (await orch.TypeAsync(command.Replace("SWEEP", sweep, StringComparison.Ordinal))).Succeeded();
        }

        Assert.Empty(orch.Processes.Select(Processes.CommandLine));
    }

    [Fact(Timeout = 180_000)]
    public async Task Demo_shows_a_sweep_and_leaves_only_the_checkpoint()
    {
        var demo = (await orch.TypeAsync("./orch demo")).Succeeded();

        Assert.Matches(@"\*\d+ +succeeded", demo.Output);
        var best = double.Parse(BestValue().Match(demo.Output).Groups["value"].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(best, 0.97, 1);
        Assert.All((string[])["sweep submit ", "trial ", "task ", "epoch ", "all-reduce "], span => Assert.Contains(span, demo.Output, StringComparison.Ordinal));
        Assert.Contains(Path.Combine(folder.Path, "digits-best"), demo.Output, StringComparison.Ordinal);
        (await orch.RunAsync("checkpoint", "verify", "digits-best")).Succeeded();
        Assert.Empty(orch.Processes.Select(Processes.CommandLine));
        Assert.Empty(Directory.EnumerateFileSystemEntries(orch.Temporary));
    }

    public void Dispose()
    {
        orch.KillAll();
        folder.Dispose();
    }

    /// <summary>The lines of the first block under the heading, without their comments.</summary>
    private static string[] Commands(string markdown, string heading)
    {
        var block = markdown[markdown.IndexOf(heading, StringComparison.Ordinal)..].Split("```")[1];
        return [.. block.Split('\n').Select(line => Comment().Replace(line, "").Trim()).Where(line => line.Length > 0)];
    }

    [GeneratedRegex(@"\s+#.*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Comment();

    [GeneratedRegex(@"best trial \d+: val_accuracy (?<value>[\d.]+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex BestValue();
}
