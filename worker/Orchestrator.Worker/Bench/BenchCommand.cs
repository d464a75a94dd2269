using System.CommandLine;
using Orchestrator.Worker.Bench.Bits;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary><c>bench train|allreduce|overlap|checkpoint|bits</c>: measures this machine, in turns with what a user would pick instead.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measures this machine.")
    {
        Measurement("train", "Training, against plain TorchSharp loops.", TrainBench.RunAsync),
        Measurement("allreduce", "Summing gradients through shared memory and TCP, against Gloo and a memory copy.", AllReduceBench.RunAsync),
        Measurement("overlap", "Two workers with a slow link between them, whose gradients travel during backward, against afterwards.", OverlapBench.RunAsync),
        Measurement("checkpoint", "Training with a checkpoint at every epoch, against none.", CheckpointBench.RunAsync),
        BitsCommand.Create(),
        PartCommand.Create(),
    };

    private static Command Measurement(string name, string description, Func<int, CancellationToken, Task<BenchReport>> measure)
    {
        var rounds = new Option<int>("--rounds") { Description = "Turns of each side.", DefaultValueFactory = _ => 15 };
        var output = new Option<string>("--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command(name, description) { rounds, output };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var turns = parsed.GetRequiredValue(rounds) is > 0 and <= 10_000 and var told
                ? told
                : throw new CommandException(ExitCode.BadInput, $"--rounds {parsed.GetRequiredValue(rounds)} is not between 1 and 10000");
            var report = await measure(turns, cancellationToken);
            Console.WriteLine(parsed.GetRequiredValue(output) == "json" ? report.ToJson() : report.ToText());
            return ExitCode.Done;
        });
        return command;
    }
}
