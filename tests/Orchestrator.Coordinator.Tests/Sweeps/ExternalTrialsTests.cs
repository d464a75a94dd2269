using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Sweeps;

/// <summary>Asking and telling as any program does it: JSON over HTTP, against a whole coordinator.</summary>
public sealed class ExternalTrialsTests : IAsyncLifetime
{
    private const string File = """
        name: e
        workload: external
        seed: 7
        search: { sampler: random, trials: 3, parallel: 2, objective: { metric: loss, goal: minimize } }
        parameters:
          x: { uniform: [0, 1] }
          layers: { choice: [1, 2] }
          kind: { choice: [plain, wide] }
          width: { choice: [64], when: { kind: wide } }
        """;

    private const string Halving = """
        name: e
        workload: external
        search: { sampler: random, trials: 3, parallel: 1, objective: { metric: loss, goal: minimize }, stopper: { name: asha, max_epochs: 3 } }
        parameters: { x: { uniform: [0, 1] } }
        """;

    private const string Population = """
        name: e
        workload: external
        search: { sampler: { name: pbt, every: 1 epoch, max_epochs: 3 }, parallel: 2, objective: { metric: loss, goal: minimize } }
        parameters: { x: { uniform: [0, 1] } }
        """;

    private readonly TemporaryFolder folder = new();
    private RunningCoordinator coordinator = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => coordinator = await RunningCoordinator.StartInAsync(folder.Path);

    public async ValueTask DisposeAsync()
    {
        await coordinator.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task A_program_asks_tells_and_is_done()
    {
        var sweep = await SubmitAsync(File);
        for (var number = 0; number < 3; number++)
        {
            var asked = await AskAsync(sweep);
            Assert.Equal(["parameters", "step", "trial"], Names(asked));
            Assert.Equal((number, 0), (asked.GetProperty("trial").GetInt32(), asked.GetProperty("step").GetInt32()));
            var parameters = asked.GetProperty("parameters");
            Assert.Equal(JsonValueKind.Number, parameters.GetProperty("layers").ValueKind);
            Assert.Equal(parameters.GetProperty("kind").GetString() == "wide", parameters.TryGetProperty("width", out _));
            Assert.Equal("""{"stop":false}""", await TellAsync(sweep, number, """{"step": 1, "metrics": {"loss": 0.3}}"""));
            Assert.Equal("{}", await TellAsync(sweep, number, """{"metrics": {"loss": 0.2}, "final": true}"""));
        }

        Assert.Equal("""{"done":true}""", Compact(await AskAsync(sweep)));
        var shown = await GetAsync($"/v1/sweeps/{sweep}");
        Assert.Equal("succeeded", shown.GetProperty("state").GetString());
        Assert.Equal([2, 2, 2], shown.GetProperty("trials").EnumerateArray().Select(trial => trial.GetProperty("epochs").GetInt32()));
        Assert.Equal((0, 0.2), (shown.GetProperty("best").GetProperty("trial").GetInt32(), shown.GetProperty("best").GetProperty("value").GetDouble()));
    }

    [Fact]
    public async Task Telling_a_step_again_is_ignored()
    {
        var sweep = await SubmitAsync(File);
        await AskAsync(sweep);
        await TellAsync(sweep, 0, """{"step": 1, "metrics": {"loss": 0.3}}""");
        Assert.Equal("""{"stop":false}""", await TellAsync(sweep, 0, """{"step": 1, "metrics": {"loss": 0.1}}"""));
        await TellAsync(sweep, 0, """{"step": 2, "metrics": {"loss": 0.4}, "final": true}""");
        Assert.Equal("{}", await TellAsync(sweep, 0, """{"step": 2, "metrics": {"loss": 0.4}, "final": true}"""));
        var trial = (await GetAsync($"/v1/sweeps/{sweep}")).GetProperty("trials")[0];
        Assert.Equal(0.3, trial.GetProperty("metrics").GetProperty("loss").GetDouble());
        Assert.Equal(2, trial.GetProperty("epochs").GetInt32());
    }

    [Fact]
    public async Task Who_fails_says_why_and_the_sweep_goes_on()
    {
        var sweep = await SubmitAsync(File);
        await AskAsync(sweep);
        Assert.Equal("{}", await TellAsync(sweep, 0, """{"failed": "out of luck"}"""));
        Assert.Equal("{}", await TellAsync(sweep, 0, """{"failed": "out of luck"}"""));
        var trial = (await GetAsync($"/v1/sweeps/{sweep}")).GetProperty("trials")[0];
        Assert.Equal(("failed", "out of luck"), (trial.GetProperty("state").GetString(), trial.GetProperty("message").GetString()));
    }

    [Fact]
    public async Task Asking_waits_for_what_another_ones_word_sets_free()
    {
        var sweep = await SubmitAsync(Halving);
        await AskAsync(sweep);
        Assert.Equal("""{"wait":true}""", Compact(await AskAsync(sweep)));
        var waiting = AskAsync(sweep, "?timeout=60");
        await TellAsync(sweep, 0, """{"step": 1, "metrics": {"loss": 0.3}}""");
        Assert.Equal(1, (await waiting).GetProperty("trial").GetInt32());
    }

    [Fact]
    public async Task A_trial_at_its_rung_is_given_up_and_comes_back_with_its_step_when_it_is_promoted()
    {
        var sweep = await SubmitAsync(Halving);
        double[] losses = [0.5, 0.1, 0.9];
        for (var number = 0; number < 3; number++)
        {
            await AskAsync(sweep);
            Assert.Equal("""{"stop":true}""", await TellAsync(sweep, number, $$$"""{"step": 1, "metrics": {"loss": {{{losses[number]}}}}}"""));
        }

        var promoted = await AskAsync(sweep);
        Assert.Equal((1, 1), (promoted.GetProperty("trial").GetInt32(), promoted.GetProperty("step").GetInt32()));
        await TellAsync(sweep, 1, """{"step": 2, "metrics": {"loss": 0.1}}""");
        await TellAsync(sweep, 1, """{"step": 3, "metrics": {"loss": 0.1}, "final": true}""");
        var trials = (await GetAsync($"/v1/sweeps/{sweep}")).GetProperty("trials").EnumerateArray().ToArray();
        Assert.Equal(["stopped", "succeeded", "stopped"], trials.Select(trial => trial.GetProperty("state").GetString()));
        Assert.Equal("rung of epoch 1: rank 2 of 2, 0 went on", trials[0].GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_member_of_a_population_begins_where_the_answer_says()
    {
        var sweep = await SubmitAsync(Population);
        Task<string> TellLossAsync(int trial, int step, double loss, bool final = false) =>
            TellAsync(sweep, trial, $$$"""{"step": {{{step}}}, "metrics": {"loss": {{{loss}}}}, "final": {{{(final ? "true" : "false")}}}}""");

        Assert.Equal(["parameters", "step", "trial"], Names(await AskAsync(sweep)));
        await AskAsync(sweep);
        Assert.Equal("""{"stop":true}""", await TellLossAsync(0, 1, 0.5));
        Assert.Equal("""{"wait":true}""", Compact(await AskAsync(sweep)));

        // All have come: the worst gives way to a copy of the best, which goes on.
        Assert.Equal("""{"stop":false}""", await TellLossAsync(1, 1, 0.1));
        var copy = await AskAsync(sweep);
        Assert.Equal((2, 1, """{"trial":1,"epoch":1}"""), (copy.GetProperty("trial").GetInt32(), copy.GetProperty("step").GetInt32(), Compact(copy.GetProperty("from"))));
        Assert.Equal("""{"stop":true}""", await TellLossAsync(0, 2, 0.01));

        Assert.Equal("""{"stop":true}""", await TellLossAsync(1, 2, 0.2));
        Assert.Equal("""{"stop":false}""", await TellLossAsync(2, 2, 0.05));
        await coordinator.DisposeAsync();
        coordinator = await RunningCoordinator.StartInAsync(folder.Path);
        var second = await AskAsync(sweep);
        Assert.Equal((3, 2, """{"trial":2,"epoch":2}"""), (second.GetProperty("trial").GetInt32(), second.GetProperty("step").GetInt32(), Compact(second.GetProperty("from"))));
        await TellLossAsync(2, 3, 0.04, final: true);
        await TellLossAsync(3, 3, 0.03, final: true);
        Assert.Equal("""{"done":true}""", Compact(await AskAsync(sweep)));
        var shown = await GetAsync($"/v1/sweeps/{sweep}");
        Assert.Equal(["stopped", "stopped", "succeeded", "succeeded"], shown.GetProperty("trials").EnumerateArray().Select(trial => trial.GetProperty("state").GetString()));
        Assert.Equal((3, "succeeded"), (shown.GetProperty("best").GetProperty("trial").GetInt32(), shown.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task What_was_told_survives_the_coordinator()
    {
        var sweep = await SubmitAsync(File);
        await AskAsync(sweep);
        await TellAsync(sweep, 0, """{"step": 1, "metrics": {"loss": 0.3}}""");
        await coordinator.DisposeAsync();
        coordinator = await RunningCoordinator.StartInAsync(folder.Path);
        Assert.Equal("""{"stop":false}""", await TellAsync(sweep, 0, """{"step": 1, "metrics": {"loss": 0.9}}"""));
        Assert.Equal("""{"stop":false}""", await TellAsync(sweep, 0, """{"step": 2, "metrics": {"loss": 0.2}}"""));
        Assert.Equal(2, (await GetAsync($"/v1/sweeps/{sweep}")).GetProperty("trials")[0].GetProperty("epochs").GetInt32());
    }

    [Theory]
    [InlineData("SWEEP/trials/0:tell", """{"step": 1, "metrics": {"loss": "NaN"}}""", 400, "metrics.loss: NaN is no value; leave the trial with failed: why, where it diverged")]
    [InlineData("SWEEP/trials/0:tell", """{"step": 1, "metrics": {"los": 1}}""", 400, "metrics.loss: the sweep searches by 'loss'; tell it: metrics: { loss: 0.3 }")]
    [InlineData("SWEEP/trials/0:tell", """{"step": 0, "metrics": {"loss": 1}}""", 400, "step: 0 is no step; steps count from 1")]
    [InlineData("SWEEP/trials/0:tell", """{"metrics": {"loss": 1}}""", 400, "step: it is not said which step this is")]
    [InlineData("SWEEP/trials/0:tell", """{"step": 2000, "metrics": {"loss": 1}}""", 400, "step: 2000 comes after 0")]
    [InlineData("SWEEP/trials/9:tell", """{"step": 1, "metrics": {"loss": 1}}""", 404, "has no trial 9; tell of a trial that ask has given")]
    [InlineData("SWEEP/trials/1:tell", """{"step": 9, "metrics": {"loss": 1}}""", 400, "trial 1 of sweep 'SWEEP' has ended; ask for another one")]
    [InlineData("SWEEP/trials/1:tell", """{"failed": "late"}""", 400, "trial 1 of sweep 'SWEEP' has ended")]
    [InlineData("none/trials/0:tell", """{"step": 1, "metrics": {"loss": 1}}""", 404, "there is no sweep 'none'")]
    [InlineData("none:ask", """{"worker": "me"}""", 404, "there is no sweep 'none'")]
    public async Task What_makes_no_sense_is_refused_in_one_line_and_nothing_is_lost(string path, string body, int status, string line)
    {
        var sweep = await SubmitAsync(File);
        await AskAsync(sweep);
        await TellAsync(sweep, 1, """{"metrics": {"loss": 1}, "final": true}""");
        using var answer = await coordinator.Web.PostAsync(Uri($"/v1/sweeps/{path.Replace("SWEEP", sweep, StringComparison.Ordinal)}"), Body(body), Cancellation);
        var text = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.Equal((HttpStatusCode)status, answer.StatusCode);
        var message = JsonDocument.Parse(text).RootElement.GetProperty("message").GetString()!;
        Assert.Contains(line.Replace("SWEEP", sweep, StringComparison.Ordinal), message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.Equal(0, (await GetAsync($"/v1/sweeps/{sweep}")).GetProperty("trials")[0].GetProperty("epochs").GetInt32());
    }

    [Fact]
    public async Task A_point_outside_the_space_is_refused_with_its_field()
    {
        using var answer = await coordinator.Web.PostAsJsonAsync(
            Uri("/v1/sweeps"), new { file = File.Replace("trials: 3", "trials: 3, enqueue: [{ x: 2, layers: 1, kind: plain }]", StringComparison.Ordinal) }, Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("search.enqueue[0].x: 2 is not among its values", await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sweep_begins_with_what_an_earlier_one_found()
    {
        var first = await SubmitAsync(File);
        for (var number = 0; number < 3; number++)
        {
            await AskAsync(first);
            await TellAsync(first, number, """{"metrics": {"loss": 0.2}, "final": true}""");
        }

        var second = await SubmitAsync(File.Replace("trials: 3", $"trials: 3, warm_start: {first}", StringComparison.Ordinal));
        Assert.NotEqual(Compact(await AskAsync(first)), Compact(await AskAsync(second)));
        using var refused = await coordinator.Web.PostAsJsonAsync(Uri("/v1/sweeps"), new { file = File.Replace("trials: 3", "trials: 3, warm_start: none", StringComparison.Ordinal) }, Cancellation);
        Assert.Contains("there is no sweep 'none'", await refused.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    private static Uri Uri(string path) => new(path, UriKind.Relative);

    private static StringContent Body(string json) => new(json, System.Text.Encoding.UTF8, "application/json");

    private static IEnumerable<string> Names(JsonElement element) => element.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal);

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);

    private async Task<string> SubmitAsync(string file)
    {
        using var answer = await coordinator.Web.PostAsJsonAsync(Uri("/v1/sweeps"), new { file }, Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("id").GetString()!;
    }

    private async Task<JsonElement> AskAsync(string sweep, string query = "")
    {
        using var answer = await coordinator.Web.PostAsync(Uri($"/v1/sweeps/{sweep}:ask{query}"), Body("""{"worker": "me"}"""), Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private async Task<string> TellAsync(string sweep, int trial, string body)
    {
        using var answer = await coordinator.Web.PostAsync(Uri($"/v1/sweeps/{sweep}/trials/{trial}:tell"), Body(body), Cancellation);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
        return Compact(await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation));
    }

    private async Task<JsonElement> GetAsync(string path) => JsonDocument.Parse(await coordinator.Web.GetStringAsync(Uri(path), Cancellation)).RootElement;
}
