using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

public sealed class DoctorTests(SharedCluster shared, TestServers servers) : SharedClusterTest(shared)
{
    [Fact(Timeout = 180_000)]
    public async Task A_healthy_setup_has_no_failed_check()
    {
        var (broker, database) = (await servers.RabbitMqAsync(), await servers.PostgresAsync());
        var outcome = await Orch.JsonAsync("doctor", "--broker", broker.Uri, "--database", database.ConnectionString, "--data-dir", Cluster.Data);

        var checks = outcome.Json().EnumerateArray().ToArray();
        Assert.All(checks, check => Assert.NotEqual("fail", check.Text("status")));
        Assert.Equal(["check", "status", "detail", "mend"], checks[0].Names());
        Assert.Contains(checks, check => check.Text("check").Contains("broker", StringComparison.OrdinalIgnoreCase) && check.Text("status") == "ok");
        Assert.Contains(checks, check => check.Text("check").Contains("database", StringComparison.OrdinalIgnoreCase) && check.Text("status") == "ok");
        Assert.Contains(checks, check => check.Text("detail").Contains(Cluster.Address, StringComparison.Ordinal));
    }

    [Fact(Timeout = 180_000)]
    public async Task What_is_wrong_is_said_with_its_mend()
    {
        var outcome = await Orch.JsonAsync(
            "doctor", "--broker", $"amqp://127.0.0.1:{FreePort.Next()}", "--database", $"Host=127.0.0.1;Port={FreePort.Next()};Username=u;Password=not-shown", "--data-dir", "/proc/nothing");

        Assert.Equal(1, outcome.ExitCode);
        Assert.DoesNotContain("not-shown", outcome.Output, StringComparison.Ordinal);
        var failed = JsonSerializer.Deserialize<JsonElement>(outcome.Output).EnumerateArray().Where(check => check.Text("status") == "fail").ToArray();
        Assert.Equal(3, failed.Length);
        Assert.All(failed, check => Assert.NotEmpty(check.Text("mend")));
    }
}
