using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch worker</c>: the machines that train.</summary>
internal static class WorkerCommands
{
    private const int Most = 64;

    public static Command Build(Shell shell) => new("worker", "The workers that this coordinator knows")
    {
        new Command("list", "All workers, their slots and what they run").WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            return Print(shell, parsed, await connection.Workers.ListWorkersAsync(new(), cancellationToken: cancellation));
        }),
        new Command("drain", "Gives a worker no new work; it ends when it is empty").Takes(Text("ID", "the worker's identifier")).WithOutput()
            .Does(async (parsed, cancellation) =>
            {
                using var connection = Connection.Open(shell);
                var worker = await connection.Workers.DrainWorkerAsync(new() { Id = parsed.Text("ID") }, cancellationToken: cancellation);
                return Said.Done(shell, parsed, worker, $"worker {parsed.Text("ID")} drains");
            }),
        new Command("scale", "Starts or drains workers of an embedded cluster").Takes(new Argument<int>("N") { Description = "how many there shall be" })
            .WithOutput().Does((parsed, cancellation) => ScaleAsync(shell, parsed, cancellation)),
    };

    private static async Task<int> ScaleAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var count = parsed.GetValue<int>("N");
        if (count is < 0 or > Most)
        {
            throw CliException.BadInput($"N is {count}: it must be 0 to {Most}");
        }

        using var connection = Connection.Open(shell);
        return Print(shell, parsed, await connection.Workers.ScaleWorkersAsync(new() { Workers = count }, cancellationToken: cancellation));
    }

    private static int Print(Shell shell, ParseResult parsed, ListWorkersResponse response) =>
        Said.Rows(shell, parsed, response.Workers, ["id", "state", "host", "device", "slots", "pid", "runs"], worker =>
        [
            worker.Id, worker.State, worker.Host, worker.Device, worker.Slots.ToString(), worker.Pid.ToString(),
            string.Join(", ", worker.Trainers.Select(trainer => $"{trainer.Run} rank {trainer.Rank}")),
        ]);
}
