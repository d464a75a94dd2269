using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary><c>bench part</c>: one process of a benchmark; started by <see cref="PartProcess"/> alone.</summary>
internal static class PartCommand
{
    public const string Name = "part";

    public static Command Create()
    {
        var command = new Command(Name, "One process of a benchmark.") { Hidden = true };
        command.SetAction(_ =>
        {
            var order = JsonSerializer.Deserialize<PartOrder>(Console.ReadLine()!)!;
            switch (order.Kind)
            {
                case PartKind.Trainer:
                    TrainerPart.Run(order);
                    break;
                case PartKind.PlainLoop:
                    PlainLoopPart.Run(order);
                    break;
                case PartKind.Reducer:
                    ReducerPart.Run(order);
                    break;
                case PartKind.Hasher:
                    HasherPart.Run();
                    break;
                default:
                    throw new UnreachableException();
            }

            return ExitCode.Done;
        });
        return command;
    }
}
