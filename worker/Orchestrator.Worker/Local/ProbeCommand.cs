using System.CommandLine;
using Orchestrator.Specs;
using Orchestrator.Training;
using TorchSharp;

namespace Orchestrator.Worker.Local;

/// <summary><c>probe</c>: loads libtorch, computes with it, and says in one line what it is: what <c>doctor</c> asks for.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        var command = new Command("probe", "Loads libtorch and computes with it.") { Hidden = true };
        command.SetAction(_ =>
        {
            LocalPins.Apply(new TrainingSpec());
            torch.set_num_threads(1);
            var hash = HardwareProbe.Hash();
            var device = torch.cuda.is_available() ? $"cuda, {torch.cuda.device_count()} devices" : "cpu";
            Console.WriteLine($"loads and computes on {device}; instruction set pinned, probe {hash[..12]}");
            return ExitCode.Done;
        });
        return command;
    }
}
