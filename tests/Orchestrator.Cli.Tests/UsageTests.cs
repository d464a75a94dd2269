using Orchestrator.Cli.Tests.Fakes;

namespace Orchestrator.Cli.Tests;

public sealed class UsageTests
{
    private static Task<Fakes.Cli> RunAsync(params string[] args) => Fakes.Cli.RunAsync(new Dictionary<string, string>(), args);

    [Theory]
    [InlineData("swep")]
    [InlineData("sweep")]
    [InlineData("sweep", "show")]
    [InlineData("sweep", "show", "a", "b")]
    [InlineData("sweep", "list", "--output", "xml")]
    [InlineData("worker", "scale", "many")]
    [InlineData("up", "--workers", "-1")]
    [InlineData("up", "--slots", "0")]
    [InlineData("checkpoint", "fetch", "c-1")]
    [InlineData("dataset", "add", "d", "p", "--format", "tar")]
    [InlineData("predict", "--checkpoint", "x")]
    [InlineData("run", "logs", "r", "--rank", "first")]
    public async Task A_command_line_that_cannot_be_read_is_one_line_and_exits_with_2(params string[] args)
    {
        var cli = await RunAsync(args);

        Assert.Equal(2, cli.Code);
        Assert.Empty(cli.Out);
        Assert.StartsWith("error: ", cli.Error, StringComparison.Ordinal);
        Assert.EndsWith(" --help`\n", cli.Error, StringComparison.Ordinal);
        Assert.Equal(1, cli.Error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("checkpoint", "fetch", "-o", "x")]
    [InlineData("checkpoint", "fetch", "c-1", "--best", "s-1", "-o", "x")]
    [InlineData("sweep", "submit", "/nonexistent.yaml")]
    [InlineData("sweep", "submit", "/")]
    [InlineData("worker", "scale", "65")]
    [InlineData("sweep", "list", "--label", "team")]
    public async Task What_can_be_told_without_a_coordinator_is_told_before_one_is_asked(params string[] args)
    {
        var cli = await RunAsync(args);

        Assert.Equal(2, cli.Code);
        Assert.StartsWith("error: ", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_override_without_a_value_is_refused()
    {
        using var folder = new Folder();

        var cli = await RunAsync("run", "submit", folder.Write("run.yaml", "name: a"), "--set", "training.epochs");

        Assert.Equal(new(2, "", "error: --set training.epochs: it must be PATH=VALUE, such as training.epochs=3\n"), cli);
    }

    [Theory]
    [InlineData]
    [InlineData("--help")]
    [InlineData("sweep", "--help")]
    [InlineData("sweep", "show", "--help")]
    [InlineData("checkpoint", "fetch", "-h")]
    public async Task Help_goes_to_stdout_and_exits_with_0(params string[] args)
    {
        var cli = await RunAsync(args);

        Assert.Equal((0, ""), (cli.Code, cli.Error));
        Assert.Contains("Usage:", cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_are_those_of_the_contract()
    {
        var root = App.Commands(new(TextWriter.Null, TextWriter.Null, Interactive: false, _ => null));
        var commands = root.Subcommands.SelectMany(command =>
            command.Subcommands.Count == 0 ? [command.Name] : command.Subcommands.Select(sub => $"{command.Name} {sub.Name}"));

        Assert.Equal(
            [
                "demo", "up", "down", "doctor",
                "sweep submit", "sweep list", "sweep preview", "sweep show", "sweep watch", "sweep pause", "sweep resume", "sweep cancel", "sweep retry",
                "sweep extend", "sweep best", "sweep delete",
                "trial ask", "trial tell",
                "run submit", "run local", "run replay", "run list", "run show", "run watch", "run logs", "run trace", "run cancel", "run delete",
                "worker list", "worker drain", "worker scale",
                "checkpoint list", "checkpoint fetch", "checkpoint verify", "checkpoint delete",
                "dataset add", "dataset list", "dataset show", "dataset delete",
                "predict", "bench train", "bench allreduce", "bench overlap", "bench checkpoint", "bench bits", "bench recovery", "bench balance", "bench control", "bench search", "bench order", "agent",
            ],
            commands);
    }
}
