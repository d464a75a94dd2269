using System.Net;
using System.Net.Sockets;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>Clusters that can't start, and commands that reach no cluster: one line, the right exit code, and no process left.</summary>
public sealed class StartupMistakeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Orch orch;

    public StartupMistakeTests() => orch = new Orch(folder.Path);

    public void Dispose()
    {
        orch.KillAll();
        folder.Dispose();
    }

    [Fact(Timeout = 180_000)]
    public async Task A_cluster_that_can_not_start_says_why()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await NotUpAsync(["--listen", $"{other.LocalEndpoint}"], "--listen", $"{other.LocalEndpoint}", "another port");
        await NotUpAsync(["--listen", "nonsense"], "--listen nonsense", "HOST:PORT");
        await NotUpAsync(["--listen", $"0.0.0.0:{FreePort.Next()}"], "--token-file");
        await NotUpAsync(["--token-file", "none"], "--token-file none", "can't be read");
        await NotUpAsync(["--broker", "http://somewhere"], "--broker", "amqp://");
        await NotUpAsync(["--broker", $"amqp://127.0.0.1:{FreePort.Next()}"], "broker", "does not answer", "--broker");
        await NotUpAsync(["--database", "nonsense"], "--database", "Host=");
        await NotUpAsync(["--database", $"Host=127.0.0.1;Port={FreePort.Next()};Username=u;Password=not-shown"], "database", "does not answer", "--database");
        await NotUpAsync(["--workers", "-1"], "--workers is -1");
    }

    [Fact(Timeout = 180_000)]
    public async Task A_data_directory_that_can_not_be_written_is_refused()
    {
        // Neither root nor anybody else writes there.
        (await orch.RunAsync("up", "--detach", "--data-dir", "/proc/orchestrator")).Refused(2, "/proc/orchestrator", "can't be written", "--data-dir");
        await File.WriteAllTextAsync(folder["file"], "", TestContext.Current.CancellationToken);
        (await orch.RunAsync("up", "--detach", "--data-dir", folder["file"])).Refused(2, folder["file"], "can't be written");
        Assert.Empty(orch.Processes);
    }

    [Fact(Timeout = 180_000)]
    public async Task Nobody_at_the_address_is_exit_code_3()
    {
        var nobody = $"127.0.0.1:{FreePort.Next()}";
        foreach (var command in new string[][] { ["sweep", "list"], ["run", "watch", "r"], ["run", "logs", "r"], ["sweep", "submit", Product.Sample("digits.yaml")], ["down"] })
        {
            (await orch.With("ORCH_ENDPOINT", nobody).RunAsync(command)).Refused(3, "no coordinator", nobody, "orch up");
        }

        (await orch.With("ORCH_ENDPOINT", "not an address").RunAsync("sweep", "list")).Refused(2, "ORCH_ENDPOINT", "HOST:PORT");
    }

    [Fact(Timeout = 240_000)]
    public async Task A_token_is_asked_for_and_checked()
    {
        await File.WriteAllTextAsync(folder["token"], "correct-horse-battery-staple\n", TestContext.Current.CancellationToken);
        using var cluster = Cluster.Prepare("--workers", "1", "--token-file", folder["token"]);
        await cluster.UpAsync();

        (await cluster.Orch.RunAsync("sweep", "list")).Refused(4, "needs a token", "ORCH_TOKEN");
        var wrong = cluster.Orch.With("ORCH_TOKEN", "wrong");
        (await wrong.RunAsync("sweep", "list")).Refused(4, "not this coordinator's");
        (await wrong.RunAsync("sweep", "submit", Product.Sample("digits.yaml"))).Refused(4);
        (await wrong.RunAsync("run", "watch", "r")).Refused(4);
        (await wrong.RunAsync("agent", "--coordinator", cluster.Address, "--data-dir", folder["agent"])).Refused(4, "token");

        var right = cluster.Orch.With("ORCH_TOKEN", "correct-horse-battery-staple");
        // Its own agent came in with the token.
        Assert.Equal("ready", Assert.Single((await right.JsonAsync("worker", "list")).Json().EnumerateArray()).Text("state"));
        (await right.With("ORCH_ENDPOINT", cluster.Web).RunAsync("sweep", "list")).Refused(3, "does not speak gRPC", "web port");

        // The cluster that runs is in nobody's way, and nobody gets its folder.
        (await right.RunAsync("up", "--detach", "--data-dir", cluster.Data, "--listen", "127.0.0.1:0")).Refused(2, "belongs to a running coordinator", "--data-dir");
        (await right.RunAsync("down")).Succeeded();
        Assert.Empty(cluster.Orch.Processes.Select(Processes.CommandLine));
    }

    [Theory(Timeout = 180_000)]
    [InlineData("'submt'", "did you mean submit?", "sweep", "submt")]
    [InlineData("--rank is 'first'", "whole number", "run", "logs", "r", "--rank", "first")]
    [InlineData("ID", "orch run show --help", "run", "show")]
    [InlineData("--slots is 0", "1 to 1024", "up", "--slots", "0")]
    public async Task A_command_line_that_can_not_be_read_is_refused(string what, string mend, params string[] command) =>
        (await orch.RunAsync(command)).Refused(2, what, mend);

    private async Task NotUpAsync(string[] options, params string[] words)
    {
        string[] listen = options[0] == "--listen" ? [] : ["--listen", "127.0.0.1:0"];
        var outcome = await orch.RunAsync(["up", "--detach", "--data-dir", folder["data"], .. listen, .. options]);
        outcome.Refused(2, words);
        Assert.DoesNotContain("not-shown", outcome.Errors, StringComparison.Ordinal);
        Assert.Empty(orch.Processes.Select(Processes.CommandLine));
        Assert.False(Directory.Exists(folder["data"]), "a refused cluster leaves its folder");
    }
}
