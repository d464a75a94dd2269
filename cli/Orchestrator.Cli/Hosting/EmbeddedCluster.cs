using System.Diagnostics;
using Grpc.Core;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;

namespace Orchestrator.Cli.Hosting;

/// <summary>A coordinator that this process started, with the agents that it starts itself.</summary>
public sealed class EmbeddedCluster : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;

    private readonly StartupLog _log;

    private readonly string? _token;

    private EmbeddedCluster(Process process, StartupLog log, string? token) => (_process, _log, _token) = (process, log, token);

    /// <summary>Where it listens; its own process is the one that <see cref="EndpointFile.Pid"/> names.</summary>
    public EndpointFile Endpoint { get; private set; } = new("", "", 0);

    public string LogPath => _log.Path;

    /// <summary>Starts it and waits until it takes work: it listens, and its workers are ready.</summary>
    /// <param name="say">Hears what is being waited for.</param>
    /// <exception cref="CliException">It ended instead (with its own line and exit code), or was not ready in two minutes. Nothing is left running.</exception>
    public static async Task<EmbeddedCluster> StartAsync(
        Installation installation, ClusterOptions options, Shell shell, Action<string> say, CancellationToken cancellation)
    {
        var token = options.TokenFile is { } file ? await ReadTokenAsync(file, cancellation) : shell.Variable("ORCH_TOKEN");
        var log = StartupLog.In(options.DataDirectory);
        var process = Programs.StartApart(installation.Coordinator, options.Arguments(installation.Worker), log.Path);
        var cluster = new EmbeddedCluster(process, log, token);
        try
        {
            await cluster.UntilReadyAsync(options, say, cancellation);
            return cluster;
        }
        catch
        {
            await cluster.StopAsync();
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Ends it in order: asked, then told, then made to. Returns once no process of it is left.</summary>
    public async Task StopAsync()
    {
        if (Endpoint.Pid > 0 && !_process.HasExited)
        {
            await AskToEndAsync();
        }
        else
        {
            Programs.Terminate(_process.Id);
        }

        if (!await Programs.IsGoneWithinAsync(_process.Id, StopLimit, CancellationToken.None))
        {
            Programs.Terminate(_process.Id);
            await Programs.IsGoneWithinAsync(_process.Id, StopLimit, CancellationToken.None);
        }

        Programs.KillSession(_process.Id);
    }

    /// <summary>Waits until it ends by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    /// <summary>The line that it ended with; empty where it said none.</summary>
    public string LastWords() => _log.LastLine();

    /// <param name="traceParent">W3C trace context that every call carries; null for none.</param>
    public Connection Connect(string? traceParent = null) => Connection.Open(Address.Parse(Endpoint.Endpoint)!, _token, traceParent);

    public void Dispose() => _process.Dispose();

    private static async Task<string> ReadTokenAsync(string file, CancellationToken cancellation)
    {
        try
        {
            return (await File.ReadAllTextAsync(file, cancellation)).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CliException.BadInput($"--token-file {file} can't be read: {exception.Message.TrimEnd('.')}; name a file that holds the token");
        }
    }

    private async Task UntilReadyAsync(ClusterOptions options, Action<string> say, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        say("starting the coordinator");
        EndpointFile? endpoint;
        while ((endpoint = EndpointFile.Read(options.DataDirectory))?.Pid != _process.Id)
        {
            await NextGlanceAsync(watch, "the coordinator did not listen", cancellation);
        }

        Endpoint = endpoint!;
        using var connection = Connect();
        while (true)
        {
            var cluster = await connection.Cluster.GetClusterAsync(new(), cancellationToken: cancellation);
            say($"waiting for workers: {cluster.Workers} of {options.Workers} ready");
            if (cluster.Workers >= options.Workers)
            {
                return;
            }

            await NextGlanceAsync(watch, $"{cluster.Workers} of {options.Workers} workers were ready", cancellation);
        }
    }

    private async Task NextGlanceAsync(Stopwatch watch, string soFar, CancellationToken cancellation)
    {
        if (_process.HasExited)
        {
            var words = LastWords();
            throw new CliException(
                _process.ExitCode is 0 or > 4 ? ExitCode.Failed : _process.ExitCode,
                words.Length > 0 ? words : $"the coordinator ended with exit code {_process.ExitCode}; its log is {LogPath}");
        }

        if (watch.Elapsed > StartLimit)
        {
            throw CliException.Failed($"{soFar} after {StartLimit.TotalSeconds:0} s; its log is {LogPath}, and `orch doctor` checks this machine");
        }

        await Task.Delay(Glance, cancellation);
    }

    private async Task AskToEndAsync()
    {
        try
        {
            using var connection = Connect();
            await connection.Cluster.ShutdownAsync(new(), deadline: DateTime.UtcNow.AddSeconds(5));
        }
        catch (Exception exception) when (exception is RpcException or CliException)
        {
            Programs.Terminate(_process.Id);
        }
    }
}
