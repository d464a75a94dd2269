using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Tests.Fakes;
using Orchestrator.Cli.Wire;

namespace Orchestrator.Cli.Tests;

public sealed class HostingTests
{
    [Fact]
    public void The_coordinator_gets_what_up_was_told_and_nothing_else()
    {
        var options = new ClusterOptions("127.0.0.1:0", null, "/data", 2, 1, "amqp://b", null, null, "/token");

        Assert.Equal(
            [
                "--listen", "127.0.0.1:0", "--data-dir", "/data", "--workers", "2", "--slots", "1", "--worker-assembly", "/w.dll", "--broker", "amqp://b",
                "--token-file", "/token",
            ],
            options.Arguments("/w.dll"));
    }

    [Fact]
    public void The_cluster_of_the_default_data_directory_is_found_where_no_endpoint_is_named()
    {
        using var folder = new Folder();
        folder.Write("orchestrator/endpoint.json", """{"endpoint":"127.0.0.1:7001","web":"127.0.0.1:7002","pid":42}""");

        Assert.Equal("127.0.0.1:7001", Address.Of(ShellWith(("XDG_DATA_HOME", folder.Path))).Authority);
        Assert.Equal("127.0.0.1:9", Address.Of(ShellWith(("XDG_DATA_HOME", folder.Path), ("ORCH_ENDPOINT", "127.0.0.1:9"))).Authority);
        Assert.Equal("127.0.0.1:5080", Address.Of(ShellWith(("XDG_DATA_HOME", folder["empty"]))).Authority);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"endpoint\": 3}")]
    public void An_endpoint_file_that_is_not_whole_is_none(string text)
    {
        using var folder = new Folder();
        folder.Write("endpoint.json", text);

        Assert.Null(EndpointFile.Read(folder.Path));
    }

    [Fact]
    public void A_data_directory_goes_again_where_it_was_made_for_nothing_and_only_there()
    {
        using var folder = new Folder();
        var mine = DataDirectory.Prepare(folder["new"]);
        // Somebody who came second did not make it.
        DataDirectory.Prepare(folder["new"]).Forget();
        Assert.True(Directory.Exists(mine.Path));
        using (new FileStream(Path.Combine(mine.Path, "lock"), FileMode.Create, FileAccess.Write, FileShare.None))
        {
            // A coordinator has it.
            mine.Forget();
            Assert.True(Directory.Exists(mine.Path));
        }

        File.WriteAllText(Path.Combine(mine.Path, "log"), "x");
        mine.Forget();
        Assert.False(Directory.Exists(mine.Path));
    }

    [Fact]
    public async Task A_process_started_apart_has_its_own_session_and_writes_to_its_log()
    {
        using var folder = new Folder();
        var log = folder["out"];

        using var process = Programs.StartApart("--version", [], log);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        Assert.Matches(@"^\d+\.\d+", await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken));
        Assert.True(await Programs.IsGoneWithinAsync(process.Id, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.True(Programs.IsAlive(Environment.ProcessId));
    }

    [Fact]
    public async Task A_coordinator_that_refuses_to_start_is_quoted_and_its_exit_code_passes_through()
    {
        using var folder = new Folder();
        // dotnet itself plays the coordinator that can't start: it says so in a line and ends.
        var installation = new Installation(folder["missing.dll"], folder["worker.dll"], Checkout: null);
        var options = new ClusterOptions("127.0.0.1:0", null, folder.Path, 0, 1, null, null, null, null);

        var exception = await Assert.ThrowsAsync<CliException>(() =>
            EmbeddedCluster.StartAsync(installation, options, ShellWith(), _ => { }, TestContext.Current.CancellationToken));

        Assert.Equal(ExitCode.Failed, exception.ExitCode);
        Assert.NotEmpty(exception.Message);
        Assert.DoesNotContain('\n', exception.Message);
    }

    private static Shell ShellWith(params (string Name, string Value)[] variables) =>
        new(TextWriter.Null, TextWriter.Null, Interactive: false, name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
