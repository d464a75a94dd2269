using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using Spectre.Console;

namespace Orchestrator.Cli.Commands;

/// <summary>Follows a run: a bar and the last epochs on a terminal, a line an epoch when piped, an object a line as JSON.</summary>
internal static class RunWatch
{
    private const int EpochsShown = 10;

    /// <returns>0 where the run succeeded (or was stopped early by its sweep) or the watcher left, 1 where it failed or was cancelled.</returns>
    public static async Task<int> RunAsync(Shell shell, Connection connection, string id, bool json, CancellationToken cancellation)
    {
        try
        {
            var last = json ? await ReadAsync(connection, id, run => shell.Out.WriteLine(ProtoJson.Line(run)), cancellation)
                : shell.Interactive ? await LiveAsync(shell, connection, id, cancellation)
                : await ReadAsync(connection, id, new RunNews(shell.Out).Tell, cancellation);
            return last?.State is "succeeded" or "stopped" ? ExitCode.Done : ExitCode.Failed;
        }
        catch (Exception exception) when (Detach.Is(exception, cancellation))
        {
            return Detach.Say(shell, "run", id);
        }
    }

    private static async Task<Run?> ReadAsync(Connection connection, string id, Action<Run> tell, CancellationToken cancellation)
    {
        Run? last = null;
        var watch = Watching.ReadAsync(connection, () => connection.Runs.WatchRun(new() { Id = id }, cancellationToken: cancellation), cancellation);
        await foreach (var run in watch)
        {
            tell(last = run);
        }

        return last;
    }

    private static async Task<Run?> LiveAsync(Shell shell, Connection connection, string id, CancellationToken cancellation)
    {
        Run? last = null;
        await Tables.Console(shell).Live(new Text($"run {id}")).StartAsync(async live =>
            last = await ReadAsync(connection, id, run => live.UpdateTarget(new Text(Picture(run))), cancellation));
        return last;
    }

    private static string Picture(Run run)
    {
        var epochs = run.History.TakeLast(EpochsShown).Select(RunText.Epoch);
        return string.Join('\n', [.. epochs, Plain.Bar(run.StepsPlanned > 0 ? (double)run.Step / run.StepsPlanned : 0, 40), RunText.Headline(run)]);
    }
}
