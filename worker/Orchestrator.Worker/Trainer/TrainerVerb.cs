using System.CommandLine;
using System.Runtime.InteropServices;

namespace Orchestrator.Worker.Trainer;

/// <summary><c>trainer --socket PATH</c>: one rank; started by the agent alone.</summary>
internal static class TrainerVerb
{
    public static Command Create()
    {
        var socket = new Option<string>("--socket") { Description = "The agent's socket.", Required = true };
        var command = new Command("trainer", "One rank of a run; the agent starts it.") { socket };
        command.Hidden = true;
        command.SetAction(parsed => Run(parsed.GetRequiredValue(socket)));
        return command;
    }

    // Synchronous on purpose: the training thread is the process's main thread, with the stack and the signal mask of one.
    private static int Run(string socket)
    {
        ParentPipe.EndWithParent();
        // Ctrl-C goes to the whole process group; the agent decides what becomes of its trainers.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var link = AgentLink.Dial(socket, Environment.GetEnvironmentVariable(Agent.Tasks.TrainerEnvironment.Secret) ?? "");
        return new TrainerHost(link).Run();
    }
}
