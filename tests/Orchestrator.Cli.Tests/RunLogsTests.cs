using System.Text.Json;
using Orchestrator.Cli.Tests.Fakes;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

public sealed class RunLogsTests
{
    [Fact]
    public async Task Lines_carry_generation_and_rank()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Lines.AddRange([new() { Generation = 1, Rank = 0, Text = "epoch 1" }, new() { Generation = 2, Rank = 1, Text = "epoch 2" }]);

        var cli = await Fakes.Cli.RunAsync(coordinator, "run", "logs", "r-1", "--rank", "1");

        Assert.Equal(new(0, "[1.0] epoch 1\n[2.1] epoch 2\n", ""), cli);
        Assert.Equal(new GetRunLogsRequest { Id = "r-1", Rank = 1 }, coordinator.Calls.Single().Request);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task As_json_they_are_an_array(int count)
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Lines.AddRange(Enumerable.Range(0, count).Select(rank => new LogLine { Rank = rank }));

        var cli = await Fakes.Cli.RunAsync(coordinator, "run", "logs", "r-1", "--output", "json");

        Assert.Equal(count, JsonDocument.Parse(cli.Out).RootElement.GetArrayLength());
    }

    [Fact]
    public async Task Followed_as_json_they_are_an_object_a_line()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Lines.AddRange([new() { Rank = 0, Text = "a" }, new() { Rank = 1, Text = "b" }]);

        var cli = await Fakes.Cli.RunAsync(coordinator, "run", "logs", "r-1", "-f", "--output", "json");

        Assert.Equal(
            ["a", "b"],
            cli.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()));
    }
}
