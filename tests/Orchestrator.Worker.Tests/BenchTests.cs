using System.Diagnostics;
using System.Text.Json;
using Orchestrator.Worker.Bench;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

public sealed class BenchTests
{
    [Fact]
    public async Task Train_measures_one_and_two_ranks_against_plain_loops()
    {
        var rows = await MeasureAsync("train");
        string[] cases = ["workers=1 batch=64", "workers=1 batch=64 same pins", "workers=1 batch=64 hardware=native", "workers=1 batch=64 shards=4", "workers=2 batch=64", "workers=2 batch=64 plain"];
        Assert.Equal(
            ((string[])["cnn", "mlp"]).SelectMany(model => cases.Select(@case => $"{model} {@case}")),
            // Some only stand there where PyTorch is.
            rows.Select(row => row.GetProperty("case").GetString()!).Where(name => !name.EndsWith(", PyTorch", StringComparison.Ordinal)));
        Assert.All(rows, row => Assert.Equal("samples/s", row.GetProperty("unit").GetString()));
    }

    [Fact]
    public async Task Allreduce_measures_each_size()
    {
        var rows = await MeasureAsync("allreduce");
        int[] sizes = [1, 4, 25, 100];
        Assert.Equal(
            ((string[])["shared memory", "tcp"]).SelectMany(transport => sizes.Select(size => $"{transport}, 2 ranks, {size} MB")),
            rows.Select(row => row.GetProperty("case").GetString()!).Where(name => name.EndsWith(" MB", StringComparison.Ordinal)));
        // In microseconds are those that only stand there where Gloo does.
        Assert.All(rows, row => Assert.Contains(row.GetProperty("unit").GetString(), (string[])["GB/s", "us"]));
    }

    /// <summary>A slow link takes root: without it only loopback is measured, and the report says so.</summary>
    [Fact]
    public async Task Overlap_measures_each_model_over_a_slow_link_where_one_can_be_made_and_over_loopback()
    {
        var rows = await MeasureAsync("overlap");
        string[] loopback = ["cnn workers=2 batch=64 loopback", "mlp workers=2 batch=64 loopback"];
        string[] all = ["cnn workers=2 batch=512 100 Mbit/s", loopback[0], "mlp workers=2 batch=1024 100 Mbit/s", loopback[1]];
        Assert.Equal(rows.Length == 2 ? loopback : all, rows.Select(row => row.GetProperty("case").GetString()));
    }

    /// <summary>Ten files, with batch norm, dropout, augmentation, clipping, schedules, moving averages and batches that never come out even.</summary>
    [Fact]
    public async Task Any_two_of_model_optimizer_workers_and_transport_give_the_bits_of_one_worker()
    {
        var (exitCode, output, errors) = await RunAsync("bits", "--pairs");
        Assert.True(exitCode == 0, errors);
        string[][] rows = [.. JsonDocument.Parse(output).RootElement.GetProperty("rows").EnumerateArray()
            .Select(row => (string[])[.. ((string[])["model", "optimizer", "workers", "transport", "weightsHash"]).Select(name => row.GetProperty(name).ToString())])];
        Assert.Equal(10, rows.Select(row => (row[0], row[1], row[4])).Distinct().Count());
        Assert.Equal(10, rows.Select(row => row[4]).Distinct().Count());

        // Two workers are no two hosts of which one has two; one worker needs nobody.
        (int One, int Other, int Pairs)[] met = [(0, 1, 2 * 5), (0, 2, 2 * 5), (0, 3, 2 * 4), (1, 2, 5 * 5), (1, 3, 5 * 4), (2, 3, 1 + 2 + 3 + 3 + 3)];
        Assert.All(met, pair => Assert.Equal(pair.Pairs, rows.Select(row => (row[pair.One], row[pair.Other])).Distinct().Count()));
    }

    [Fact]
    public void Ratio_is_the_median_of_the_turns_and_not_of_the_sides()
    {
        // The third turn was disturbed, on both sides.
        var row = BenchRow.Of("case", "samples/s", "peer", [(20, 10), (22, 11), (2, 1)]);
        Assert.Equal((20, 10, 2), (row.Ours.Median, row.Peer.Median, row.Ratio.Median));
        Assert.Equal((2, 2, 22), (row.Ratio.LowerQuartile, row.Ratio.UpperQuartile, row.Ours.Best));

        var text = new BenchReport("name", [row], ["a remark"]).ToText().Split('\n');
        Assert.Equal(3, text.Length);
        Assert.Contains("20.00 (22.00)", text[1], StringComparison.Ordinal);
        Assert.Equal("a remark", text[2]);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("many")]
    public async Task Bad_number_of_rounds_is_exit_code_2(string rounds)
    {
        var (exitCode, _, errors) = await RunAsync("allreduce", "--rounds", rounds);
        Assert.Equal(2, exitCode);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<JsonElement[]> MeasureAsync(string name)
    {
        var (exitCode, output, errors) = await RunAsync(name, "--rounds", "1");
        Assert.True(exitCode == 0, errors);
        var report = JsonDocument.Parse(output).RootElement;
        Assert.Equal(name, report.GetProperty("name").GetString());
        var rows = report.GetProperty("rows").EnumerateArray().ToArray();
        Assert.All(rows, row =>
        {
            Assert.Equal(1, row.GetProperty("samples").GetInt32());
            Assert.True(row.GetProperty("ours").GetDouble() > 0);
            Assert.Equal(row.GetProperty("ours").GetDouble() / row.GetProperty("peer").GetDouble(), row.GetProperty("ratio").GetDouble(), 1e-9);
        });
        return rows;
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] words)
    {
        using var process = Process.Start(new ProcessStartInfo(AgentProcess.Program, ["bench", .. words, "--output", "json"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }
}
