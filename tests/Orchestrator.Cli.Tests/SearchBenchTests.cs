using System.Text.Json;
using Orchestrator.Cli.Tests.Fakes;

namespace Orchestrator.Cli.Tests;

public sealed class SearchBenchTests
{
    private static Task<Fakes.Cli> RunAsync(params string[] args) => Fakes.Cli.RunAsync(new Dictionary<string, string>(), ["bench", "search", .. args]);

    [Fact]
    public async Task A_sampler_that_learns_beats_draws_and_says_so_as_json()
    {
        var cli = await RunAsync("--samplers", "random,tpe", "--functions", "mixed,plateau6", "--seeds", "3", "--trials", "40", "--output", "json");

        Assert.Equal(0, cli.Code);
        var rows = JsonDocument.Parse(cli.Out).RootElement.GetProperty("rows").EnumerateArray()
            .ToDictionary(row => row.GetProperty("case").GetString()!, row => row.GetProperty("ours").GetDouble());
        Assert.Equal(6, rows.Count);
        Assert.True(rows["tpe, mean of 2 functions, 40 trials"] < rows["random, mean of 2 functions, 40 trials"]);
    }

    [Fact]
    public async Task A_peer_is_asked_once_and_its_answer_recorded()
    {
        using var folder = new Folder();
        var peer = folder.Write("peer.sh", """
            echo "$*" >> "$0.asked"
            case "$1" in ask) echo '{"milliseconds":[4,5,6]}' ;; *) echo '{"best":[40,50]}' ;; esac
            """);
        var record = Path.Combine(Path.GetDirectoryName(peer)!, "record.json");
        string[] args = ["--samplers", "sobol", "--functions", "branin", "--seeds", "2", "--trials", "20", "--asks", "10", "--peer", $"/bin/sh {peer}", "--record", record, "--output", "json"];

        var first = await RunAsync(args);
        var second = await RunAsync(args);

        Assert.Equal((0, ""), (first.Code, first.Error));
        Assert.Equal(["branin sobol 20 2 1", "ask sobol 10 5 50"], await File.ReadAllLinesAsync($"{peer}.asked", TestContext.Current.CancellationToken));
        var row = JsonDocument.Parse(second.Out).RootElement.GetProperty("rows")[0];
        Assert.True(row.GetProperty("peer").GetDouble() > 1 && row.GetProperty("ratio").GetDouble() > 1);
        Assert.True(row.GetProperty("low").GetDouble() <= row.GetProperty("ratio").GetDouble());
    }

    [Theory]
    [InlineData("error: --samplers: there is no 'tp'; take some of random,sobol,tpe,gp,cma-es,nsga2\n", "--samplers", "tp")]
    [InlineData("error: --functions: there is no 'x'; take some of branin,", "--functions", "x")]
    [InlineData("error: --asks: 'many' is no number of 1 to 100000; write them as in --asks 100,1000\n", "--functions", "none", "--samplers", "random", "--asks", "many")]
    [InlineData("error: --peer: '/nowhere' does not answer as it must: ", "--functions", "branin", "--samplers", "random", "--peer", "/nowhere")]
    [InlineData("error: --peer: '/bin/echo' does not answer as it must: ", "--functions", "branin", "--samplers", "random", "--peer", "/bin/echo")]
    public async Task What_cannot_be_measured_is_one_line_and_exits_with_2(string error, params string[] args)
    {
        var cli = await RunAsync(args);

        Assert.Equal(2, cli.Code);
        Assert.StartsWith(error, cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, cli.Error.Count(c => c == '\n'));
    }
}
