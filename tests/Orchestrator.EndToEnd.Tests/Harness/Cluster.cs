using System.Globalization;
using System.Text.Json;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A cluster of real processes in a folder of its own, started as people start it.</summary>
internal sealed class Cluster : IDisposable
{
    private const string Token = "nobody-else-has-the-token-of-tests";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Between two looks that are a process each.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly TemporaryFolder folder = new();
    private readonly ClusterWeb web;
    private string[] options;
    private bool isApart;
    private int agents;

    private Cluster(string host, string[] options)
    {
        this.options = options;
        Address = $"{host}:{FreePort.Next()}";
        Web = $"127.0.0.1:{FreePort.Next()}";
        Orch = new Orch(folder.Path).With("ORCH_ENDPOINT", Address);
        web = new ClusterWeb(this);
    }

    /// <summary>gRPC; stays the same through restarts.</summary>
    public string Address { get; }

    /// <summary>Commands to this cluster.</summary>
    public Orch Orch { get; private set; }

    /// <summary>The coordinator's process.</summary>
    public int Coordinator { get; private set; }

    /// <summary>HOST:PORT of REST, health and metrics; stays the same through restarts.</summary>
    public string Web { get; }

    public string Data => folder["data"];

    /// <summary>A file's path in the cluster's folder, outside of the data directory.</summary>
    public string this[string name] => folder[name];

    /// <summary>Nothing runs yet.</summary>
    /// <param name="options">Of <c>orch up</c>.</param>
    public static Cluster Prepare(params string[] options) => new("127.0.0.1", options);

    /// <summary>Nothing runs yet. The coordinator's host, and that of all commands, is the first one.</summary>
    public static Cluster PrepareOn(Hosts hosts, params string[] options)
    {
        var cluster = new Cluster(Hosts.Address(0), options);
        cluster.Orch = cluster.Orch.Within(hosts.Prefix(0)).With("ORCH_TOKEN", Token);
        cluster.isApart = true;
        cluster.options = [.. options, "--token-file", cluster.Write("token", Token)];
        return cluster;
    }

    /// <summary>Gives every process of the cluster a variable.</summary>
    public Cluster With(string variable, string? value)
    {
        Orch = Orch.With(variable, value);
        return this;
    }

    /// <summary><c>orch up --detach</c>; also after the coordinator's death.</summary>
    public async Task<Cluster> UpAsync()
    {
        var up = (await Orch.JsonAsync(["up", "--detach", "--data-dir", Data, "--listen", Address, "--listen-web", Web, .. options])).Json();
        Coordinator = up.GetProperty("pid").GetInt32();
        Assert.Equal(Web, new Uri(up.Text("web")).Authority);
        return this;
    }

    /// <summary>SIGKILL, and waits until it is dead.</summary>
    public async Task KillCoordinatorAsync()
    {
        Processes.Signal(Coordinator, Processes.Kill);
        await Eventually.TrueAsync(() => !Processes.IsAlive(Coordinator), Patience);
    }

    /// <summary><c>orch agent</c> as a process of its own, which dials in.</summary>
    public Staying StartAgent(int slots = 1, params string[] more) => StartAgent(Orch, slots, more);

    /// <inheritdoc cref="StartAgent(int, string[])"/>
    /// <param name="host">Its number.</param>
    public Staying StartAgentOn(Hosts hosts, int host) => StartAgent(Orch.Within(hosts.Prefix(host)), 1, []);

    /// <summary>Of something in the cluster's folder.</summary>
    public string PathOf(string name) => folder[name];

    /// <summary>Writes a file into the cluster's folder.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(folder[name], text);
        return folder[name];
    }

    /// <param name="arguments">FILE and options of <c>sweep submit</c>.</param>
    /// <returns>Its identifier.</returns>
    public Task<string> SubmitSweepAsync(params string[] arguments) => SubmitAsync("sweep", arguments);

    /// <inheritdoc cref="SubmitSweepAsync"/>
    public Task<string> SubmitRunAsync(params string[] arguments) => SubmitAsync("run", arguments);

    public async Task<JsonElement> SweepAsync(string id) => (await Orch.JsonAsync("sweep", "show", id)).Json();

    public async Task<JsonElement> RunAsync(string id) => await LookAsync("run", id) ?? throw new InvalidOperationException($"The coordinator does not show the run {id}.");

    /// <summary>What a run's trainers printed, a line each.</summary>
    public async Task<string[]> LogAsync(string run) => isApart ? (await Orch.RunAsync("run", "logs", run)).Succeeded().Output.Split('\n') : await web.LogAsync(run);

    /// <summary>Waits until a sweep has come to an end, and shows it.</summary>
    public Task<JsonElement> EndOfSweepAsync(string id) => EndAsync("sweep", id);

    /// <summary>Waits until a run has come to an end, and shows it.</summary>
    public Task<JsonElement> EndOfRunAsync(string id) => EndAsync("run", id);

    /// <summary>Shows a sweep again and again, until it is as wanted.</summary>
    public Task<JsonElement> UntilSweepAsync(string id, Func<JsonElement, bool> wanted) => UntilAsync("sweep", id, wanted);

    /// <inheritdoc cref="UntilSweepAsync"/>
    public Task<JsonElement> UntilRunAsync(string id, Func<JsonElement, bool> wanted) => UntilAsync("run", id, wanted);

    public async Task<JsonElement[]> WorkersAsync() => isApart ? await ListAsync("worker", "list") : await web.WorkersAsync();

    public async Task<JsonElement[]> ListAsync(params string[] command) => [.. (await Orch.JsonAsync(command)).Json().EnumerateArray()];

    /// <summary>Waits until so many agents take work.</summary>
    public Task UntilReadyAsync(int agents) => Eventually.TrueAsync(
        async () => (await WorkersAsync()).Count(worker => worker.Text("state") == "ready") == agents, Patience);

    /// <summary>The ends of all logs, for the output of a test that failed.</summary>
    public string Logs() => string.Join('\n', Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories)
        .Where(file => file.EndsWith(".log", StringComparison.Ordinal) || file.EndsWith(".out", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)
        .Select(file => $"--- {Path.GetRelativePath(folder.Path, file)}\n{string.Join('\n', File.ReadLines(file).TakeLast(60))}"));

    /// <summary>Whatever is left of it dies, and its folder goes.</summary>
    public void Dispose()
    {
        web.Dispose();
        Orch.KillAll();
        folder.Dispose();
    }

    private Staying StartAgent(Orch orch, int slots, string[] more)
    {
        var name = $"agent-{++agents}";
        return orch.Start(
            folder[$"{name}.log"],
            ["agent", "--coordinator", Address, "--slots", slots.ToString(CultureInfo.InvariantCulture), "--data-dir", folder[name], .. more]);
    }

    private async Task<string> SubmitAsync(string kind, string[] arguments) => (await Orch.JsonAsync([kind, "submit", .. arguments])).Json().Text("id");

    private async Task<JsonElement> EndAsync(string kind, string id)
    {
        // The watch ends with what it watches, and outlives a coordinator.
        var watched = await Orch.JsonAsync(kind, "watch", id);
        Assert.True(watched.ExitCode is 0 or 1, $"{watched}");
        return kind == "run" ? await RunAsync(id) : await SweepAsync(id);
    }

    /// <summary>No process a look, but where this process is not on the coordinator's network.</summary>
    private async Task<JsonElement?> LookAsync(string kind, string id) =>
        isApart ? (await Orch.JsonAsync(kind, "show", id)).Json()
        : kind == "run" ? await web.RunAsync(id)
        : await web.SweepAsync(id);

    private async Task<JsonElement> UntilAsync(string kind, string id, Func<JsonElement, bool> wanted)
    {
        while (true)
        {
            if (await LookAsync(kind, id) is { } shown)
            {
                if (wanted(shown))
                {
                    return shown;
                }

                Assert.False(ClusterWeb.HasEnded(shown), $"it ended before it was as wanted: {shown}");
            }

            await Task.Delay(isApart ? Pause : ClusterWeb.Glance, TestContext.Current.CancellationToken);
        }
    }
}
