using System.CommandLine;
using Microsoft.Diagnostics.Runtime;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Stacks;

/// <summary><c>stacks PID</c>: the managed frames of a trainer, in a process of its own, which may hang or crash over it.</summary>
internal static class StacksVerb
{
    public const string Name = "stacks";

    public static Command Create()
    {
        var pid = new Argument<int>("pid") { Description = "A trainer's process." };
        var command = new Command(Name, "The managed frames of a trainer's threads; the agent asks for them.") { pid };
        command.Hidden = true;
        command.SetAction(parsed => Run(parsed.GetRequiredValue(pid)));
        return command;
    }

    private static int Run(int pid)
    {
        ParentPipe.EndWithParent();
        try
        {
            ManagedFrames.Read(pid, Console.Out.WriteLine);
            return ExitCode.Done;
        }
        catch (Exception failure) when (failure is ClrDiagnosticsException or IOException or InvalidOperationException or ArgumentException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(failure.Message.ReplaceLineEndings(" "));
            return ExitCode.Failed;
        }
    }
}
