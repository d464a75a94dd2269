using System.Text.Json;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Tests.Fakes;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

public sealed class SweepTests
{
    [Fact]
    public async Task Submit_sends_the_file_with_its_overrides_and_prints_the_identifier()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        var file = folder.Write("sweep.yaml", "name: digits\n");

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "submit", file, "--set", "seed=3", "--set", "training.epochs=2", "--output", "json");

        Assert.Equal(new(0, "{\"id\":\"s-1\"}\n", ""), cli);
        var request = Assert.IsType<SubmitSweepRequest>(coordinator.Calls.Single().Request);
        Assert.Equal(new SubmitSweepRequest { File = "name: digits\n", FileName = file, Folder = Path.GetDirectoryName(file), Set = { "seed=3", "training.epochs=2" } }, request);
    }

    [Fact]
    public async Task Submit_is_the_root_of_a_trace_that_the_call_carries()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();

        await Fakes.Cli.RunAsync(coordinator, "sweep", "submit", folder.Write("sweep.yaml", "name: digits"));

        var span = coordinator.Spans.Single();
        Assert.Equal("sweep submit", span.Name);
        Assert.True(span.ParentSpanId.IsEmpty);
        Assert.True(span.EndTimeUnixNano > span.StartTimeUnixNano);
        Assert.Equal(
            $"00-{Convert.ToHexStringLower(span.TraceId.Span)}-{Convert.ToHexStringLower(span.SpanId.Span)}-01",
            coordinator.Calls.Single().Headers.GetValue("traceparent"));
    }

    [Theory]
    [InlineData("succeeded", 0)]
    [InlineData("failed", 1)]
    [InlineData("cancelled", 1)]
    public async Task Watching_as_json_prints_an_object_a_line_and_exits_as_the_sweep_ended(string state, int code)
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Watched.AddRange([new() { Id = "s-1", State = "running" }, new() { Id = "s-1", State = state }]);

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "watch", "s-1", "--output", "json");

        Assert.Equal((code, ""), (cli.Code, cli.Error));
        var lines = cli.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["running", state], lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("state").GetString()));
        Assert.Equal(ProtoJson.Line(coordinator.Watched[^1]), lines[^1]);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("text")]
    public async Task Watching_a_sweep_that_pauses_does_not_leave_a_script_hanging(string output)
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Watched.AddRange([new() { Id = "s-1", State = "running" }, new() { Id = "s-1", State = "paused", Message = "lost 21 times" }]);
        coordinator.WatchForever = true;

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "watch", "s-1", "--output", output);

        Assert.Equal((1, "no longer watching: sweep s-1 is paused; `orch sweep resume s-1` goes on with it\n"), (cli.Code, cli.Error));
        var last = cli.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.Contains("paused", last, StringComparison.Ordinal);
        Assert.Contains("lost 21 times", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watching_through_a_pipe_tells_each_change_once()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        var running = new Sweep { Id = "s-1", Name = "digits", State = "running", TrialsPlanned = 1, Objective = new() { Metric = "acc" }, Repeatable = true };
        running.Trials.Add(new Trial { Number = 0, State = "running", Run = "r-1" });
        var ended = running.Clone();
        ended.State = "succeeded";
        ended.Trials[0].MergeFrom(new Trial { State = "succeeded", Epochs = 3, Seconds = 2, Metrics = { ["acc"] = 0.5 } });
        ended.Best = new() { Trial = 0, Value = 0.5, Run = "r-1" };
        coordinator.Watched.AddRange([running, running, ended]);

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "watch", "s-1");

        Assert.Equal(
            new(
                0,
                """
                trial 0 running run r-1
                sweep s-1 (digits) running: 0 of 1 trials in 0 us
                trial 0 succeeded acc 0.5 3 epochs in 2.0 s
                sweep s-1 (digits) succeeded: 1 of 1 trials in 0 us; best acc 0.5 by trial 0

                """,
                ""),
            cli);
    }

    [Fact]
    public async Task Leaving_a_watch_leaves_the_sweep_alone()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Watched.Add(new() { Id = "s-1", State = "running" });
        coordinator.WatchForever = true;
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        var watch = Fakes.Cli.RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = coordinator.Endpoint }, leave.Token, "sweep", "watch", "s-1");
        await coordinator.WatchReached.Task.WaitAsync(TestContext.Current.CancellationToken);
        await leave.CancelAsync();
        var cli = await watch;

        Assert.Equal(0, cli.Code);
        Assert.Equal("no longer watching; the sweep goes on: `orch sweep watch s-1`, or end it with `orch sweep cancel s-1`\n", cli.Error);
        Assert.Equal("/orchestrator.v1.SweepService/WatchSweep", coordinator.Calls.Single().Method);
    }

    [Fact]
    public async Task Best_without_a_value_says_so_and_exits_with_1()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Watched.Add(new() { Id = "s-1", State = "running" });

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "best", "s-1", "--output", "json");

        Assert.Equal(new(1, "", "error: sweep s-1 (running) has no best trial: no trial has a value yet\n"), cli);
    }

    [Fact]
    public async Task Lists_are_bare_arrays_in_json_and_columns_in_text()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Watched.Add(new() { Id = "s-1", Name = "digits", State = "running", TrialsPlanned = 8 });

        var json = await Fakes.Cli.RunAsync(coordinator, "sweep", "list", "--output", "json", "--label", "team=vision");
        var text = await Fakes.Cli.RunAsync(coordinator, "sweep", "list");

        Assert.Equal("s-1", JsonDocument.Parse(json.Out).RootElement[0].GetProperty("id").GetString());
        Assert.Equal("vision", Assert.IsType<ListSweepsRequest>(coordinator.Calls.First().Request).Labels["team"]);
        Assert.Equal(["s-1", "digits", "running", "0/8"], text.Out.Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(4));
        Assert.DoesNotContain('\e', text.Out);
    }
}
