using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using Spectre.Console;

namespace Orchestrator.Cli.Commands;

/// <summary>
/// Follows a sweep: a live table on a terminal, a line a change when piped, an object a line as JSON. A paused sweep goes on only by somebody's word: on a terminal it is waited for,
/// a script hears of it and is not left hanging.
/// </summary>
internal static class SweepWatch
{
    private const string Paused = "paused";
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(0.5);

    /// <returns>0 where the sweep succeeded or the watcher left, 1 where it failed, was cancelled or, unless a terminal watches, is paused.</returns>
    public static async Task<int> RunAsync(Shell shell, Connection connection, string id, bool json, CancellationToken cancellation)
    {
        try
        {
            return await FollowAsync(shell, connection, id, json, cancellation);
        }
        catch (Exception exception) when (Detach.Is(exception, cancellation))
        {
            return Detach.Say(shell, "sweep", id);
        }
    }

    /// <summary>As <see cref="RunAsync"/>, for one to whom leaving is no success: cancelled is cancelled.</summary>
    public static async Task<int> FollowAsync(Shell shell, Connection connection, string id, bool json, CancellationToken cancellation)
    {
        var last = json ? await LinesAsync(connection, id, sweep => shell.Out.WriteLine(ProtoJson.Line(sweep)), cancellation)
            : shell.Interactive ? await LiveAsync(shell, connection, id, cancellation)
            : await LinesAsync(connection, id, new SweepNews(shell.Out).Tell, cancellation);
        if (last is { State: Paused })
        {
            shell.Error.WriteLine($"no longer watching: {Resumption(last)}");
        }

        return last?.State == "succeeded" ? ExitCode.Done : ExitCode.Failed;
    }

    private static string Resumption(Sweep sweep) => $"sweep {sweep.Id} is paused; `orch sweep resume {sweep.Id}` goes on with it";

    private static IAsyncEnumerable<Sweep> WatchAsync(Connection connection, string id, CancellationToken cancellation) => Watching.ReadAsync(
        connection, () => connection.Sweeps.WatchSweep(new() { Id = id }, cancellationToken: cancellation), cancellation);

    private static async Task<Sweep?> LinesAsync(Connection connection, string id, Action<Sweep> tell, CancellationToken cancellation, bool waits = false)
    {
        Sweep? last = null;
        await foreach (var sweep in WatchAsync(connection, id, cancellation))
        {
            tell(last = sweep);
            if (sweep.State == Paused && !waits)
            {
                break;
            }
        }

        return last;
    }

    private static async Task<Sweep?> LiveAsync(Shell shell, Connection connection, string id, CancellationToken cancellation)
    {
        var console = Tables.Console(shell);
        Sweep? last = null;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await console.Live(new Text($"sweep {id}")).StartAsync(async live =>
        {
            var reading = LinesAsync(connection, id, sweep => last = sweep, stop.Token, waits: true);
            try
            {
                do
                {
                    await Task.WhenAny(reading, Task.Delay(Refresh, cancellation));
                    if (last is { } sweep)
                    {
                        var runs = SweepText.HasEnded(sweep) ? [] : await RunsAsync(connection, id, cancellation);
                        live.UpdateTarget(new Spectre.Console.Rows(
                            Tables.Trials(shell, sweep, trial => Progress(trial, runs)),
                            new Text(SweepText.Headline(sweep)),
                            new Text(sweep.State == Paused ? Resumption(sweep) : "")));
                    }
                }
                while (!reading.IsCompleted && !cancellation.IsCancellationRequested);
            }
            finally
            {
                await stop.CancelAsync();
            }

            await reading;
        });
        return last;
    }

    private static string Progress(Trial trial, Dictionary<string, Run> runs) =>
        trial.State == "running" && runs.TryGetValue(trial.Run, out var run) && run.StepsPlanned > 0
            ? $"{Plain.Bar((double)run.Step / run.StepsPlanned, 16)} {run.WorldSize}x {Plain.Number(Math.Round(run.SamplesPerSecond))}/s"
            : "";

    // The bars are a courtesy: while the coordinator is away the table stands still, and the watch itself decides when to give up.
    private static async Task<Dictionary<string, Run>> RunsAsync(Connection connection, string id, CancellationToken cancellation)
    {
        try
        {
            var response = await connection.Runs.ListRunsAsync(new() { Sweep = id }, cancellationToken: cancellation);
            return response.Runs.ToDictionary(run => run.Id, StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is RpcException or CliException && !cancellation.IsCancellationRequested)
        {
            return [];
        }
    }
}
