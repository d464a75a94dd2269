using System.CommandLine;
using System.Runtime.InteropServices;
using Grpc.Core;
using Orchestrator.Training;

namespace Orchestrator.Worker.Trainer;

/// <summary><c>trainer --socket PATH</c>: one rank; started by the agent alone.</summary>
internal static class TrainerVerb
{
    public static Command Create()
    {
        var socket = new Option<string>("--socket") { Description = "The agent's socket.", Required = true };
        var spare = new Option<bool>("--spare") { Description = "Make ready before asking what to do." };
        var command = new Command("trainer", "One rank of a run; the agent starts it.") { socket, spare };
        command.Hidden = true;
        command.SetAction(parsed => Run(parsed.GetRequiredValue(socket), parsed.GetValue(spare)));
        return command;
    }

    // Synchronous on purpose: the training thread is the process's main thread, with the stack and the signal mask of one.
    private static int Run(string socket, bool spare)
    {
        ParentPipe.EndWithParent();
        Native.LetLook(Native.ParentId());
        // Ctrl-C goes to the whole process group; the agent decides what becomes of its trainers.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var link = AgentLink.Dial(socket, Environment.GetEnvironmentVariable(Agent.Tasks.TrainerEnvironment.Secret) ?? "");
        if (spare)
        {
            // Loads libtorch and warms its kernels; what it gives is asked for again by the task.
            HardwareProbe.Hash();
            Rehearsals.Meet();
            try
            {
                link.Told();
            }
            catch (Exception dismissed) when (dismissed is RpcException or IOException)
            {
                return ExitCode.Done;
            }
        }

        return new TrainerHost(link).Run();
    }
}
