using System.CommandLine;
using Orchestrator.Cli.Bench;
using Orchestrator.Cli.Bench.Balance;
using Orchestrator.Cli.Bench.Recovery;
using Orchestrator.Cli.Bench.Search;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch bench</c>: measures this machine, and what it compares with. Each prints <c>{name, rows[]{case, ours, peer, ratio, unit, samples}}</c>; a ratio above 1 is ours.</summary>
internal static class BenchCommands
{
    public static Command Build(Shell shell) => new("bench", "Measures this machine, in turns with what a user would pick instead")
    {
        ForwardedCommands.Bench(shell, "train", "Training with one and two workers, against plain TorchSharp loops"),
        ForwardedCommands.Bench(shell, "allreduce", "Summing gradients over TCP, against a memory copy and against Gloo where it is installed"),
        ForwardedCommands.Bench(shell, "overlap", "Two workers with a slow link between them: gradients that travel during backward, against afterwards"),
        ForwardedCommands.Bench(shell, "checkpoint", "Training with a checkpoint at every epoch, against none"),
        ForwardedCommands.Bits(shell),
        RecoveryBench.Build(shell),
        BalanceBench.Build(shell),
        ControlBench.Build(shell),
        SearchBench.Build(shell),
        ForwardedCommands.Order(shell),
    };
}
