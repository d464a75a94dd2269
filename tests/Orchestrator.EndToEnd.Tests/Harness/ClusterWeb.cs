using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A cluster over REST: no process a look, for tests that look often or at much. Null where there is no coordinator at the moment.</summary>
internal sealed class ClusterWeb(Cluster cluster) : IDisposable
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(30);

    private readonly HttpClient client = new() { Timeout = TimeSpan.FromSeconds(60) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A run, or a sweep.</summary>
    public static bool HasEnded(JsonElement shown) => shown.Text("state") is "succeeded" or "failed" or "cancelled" or "stopped";

    public Task<JsonElement?> SweepAsync(string id) => GetAsync($"/v1/sweeps/{id}");

    public Task<JsonElement?> RunAsync(string id) => GetAsync($"/v1/runs/{id}");

    public async Task<JsonElement[]> WorkersAsync()
    {
        while (true)
        {
            if (await GetAsync("/v1/workers") is { } listed)
            {
                return listed.Items("workers");
            }

            await Task.Delay(Glance, Cancellation);
        }
    }

    /// <param name="file">Its text.</param>
    /// <returns>Its identifier.</returns>
    public async Task<string> SubmitRunAsync(string file)
    {
        using var response = await client.PostAsJsonAsync(At("/v1/runs"), new { file, fileName = "run.yaml" }, Cancellation);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Cancellation));
        return (await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).Text("id");
    }

    /// <summary>Looks at a run until it is as wanted, or has ended.</summary>
    /// <param name="patience">Its end is a <see cref="TimeoutException"/>.</param>
    public async Task<JsonElement> UntilRunAsync(string id, TimeSpan patience, string what, Func<JsonElement, bool> wanted)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (await RunAsync(id) is { } run)
            {
                if (HasEnded(run) || wanted(run))
                {
                    return run;
                }

                if (TimeProvider.System.GetElapsedTime(began) > patience)
                {
                    throw new TimeoutException($"{what}: not within {patience}: {run}");
                }
            }

            await Task.Delay(Glance, Cancellation);
        }
    }

    /// <summary>Lines as <c>run logs</c> has them.</summary>
    public async Task<string[]> LogAsync(string run)
    {
        var text = await client.GetStringAsync(At($"/v1/runs/{run}/logs"), Cancellation);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Select(line => string.Create(CultureInfo.InvariantCulture, $"[{line.Number("generation")}.{line.Number("rank")}] {line.Text("text")}"))];
    }

    /// <returns>Whether it was heard.</returns>
    public async Task<bool> ScaleAsync(int workers) => await TryAsync(() => client.PostAsJsonAsync(At("/v1/workers:scale"), new { workers }, Cancellation)) is not null;

    public void Dispose() => client.Dispose();

    private Task<JsonElement?> GetAsync(string path) => TryAsync(() => client.GetAsync(At(path), Cancellation));

    private static async Task<JsonElement?> TryAsync(Func<Task<HttpResponseMessage>> call)
    {
        try
        {
            using var response = await call();
            return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation) : null;
        }
        catch (Exception broken) when (!Cancellation.IsCancellationRequested && broken is HttpRequestException or IOException or OperationCanceledException)
        {
            return null;
        }
    }

    private Uri At(string path) => new($"http://{cluster.Web}{path}");
}
