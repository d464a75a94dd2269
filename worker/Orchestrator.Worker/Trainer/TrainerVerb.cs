using System.CommandLine;
using System.Runtime.InteropServices;
using Grpc.Core;
using Orchestrator.Training;

namespace Orchestrator.Worker.Trainer;

/// <summary><c>trainer --socket PATH</c>: one rank; started by the agent alone.</summary>
internal static class TrainerVerb
{
    /// <summary>In a sweep the next task comes within this time, and what the last one used is used again.</summary>
    private static readonly TimeSpan IdleSoon = TimeSpan.FromSeconds(2);

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
        var secret = Environment.GetEnvironmentVariable(Agent.Trainers.TrainerEnvironment.Secret) ?? "";
        if (spare)
        {
            // Loads libtorch and warms its kernels; what it gives is asked for again by the task.
            HardwareProbe.Hash();
            Rehearsals.Meet();
        }

        int code;
        for (var waits = spare; ; waits = true)
        {
            (code, secret) = Serve(socket, secret, waits);
            if (secret.Length == 0)
            {
                return code;
            }
        }
    }

    /// <summary>One task.</summary>
    /// <param name="waits">Until there is one, which may be never.</param>
    /// <returns>By which secret to dial for the next one; empty where this process has done its part.</returns>
    private static (int Code, string Next) Serve(string socket, string secret, bool waits)
    {
        using var link = AgentLink.Dial(socket, secret);
        if (waits && !IsWanted(link))
        {
            return (ExitCode.Done, "");
        }

        var host = new TrainerHost(link);
        var code = host.Run();
        if (!host.CanServeAnother)
        {
            return (code, "");
        }

        TrainerOutput.EndTask();
        return (code, link.Rest());
    }

    private static bool IsWanted(AgentLink link)
    {
        try
        {
            if (!link.IsToldWithin(IdleSoon))
            {
                ProcessMemory.GiveBack();
            }

            link.Told();
            return true;
        }
        catch (Exception dismissed) when (dismissed is RpcException or IOException)
        {
            return false;
        }
    }
}
