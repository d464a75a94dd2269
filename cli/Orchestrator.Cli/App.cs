using System.CommandLine;
using Orchestrator.Cli.Commands;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli;

/// <summary>The command line: what there is, and how it ends. Loads neither gRPC nor the table renderer before a command needs them.</summary>
public static class App
{
    /// <summary>All commands, in the order of the help.</summary>
    public static RootCommand Commands(Shell shell) => new("Trains model families on a cluster of workers, or on this machine alone.")
    {
        DemoCommand.Build(shell),
        UpCommand.Build(shell),
        DownCommand.Build(shell),
        DoctorCommand.Build(shell),
        SweepCommands.Build(shell),
        TrialCommands.Build(shell),
        RunCommands.Build(shell),
        WorkerCommands.Build(shell),
        CheckpointCommands.Build(shell),
        DatasetCommands.Build(shell),
        ForwardedCommands.Predict(shell),
        BenchCommands.Build(shell),
        ForwardedCommands.Agent(shell),
    };

    /// <summary>Runs one command line and returns the process's exit code (<see cref="ExitCode"/>).</summary>
    public static async Task<int> RunAsync(string[] args, Shell shell, CancellationToken cancellation = default)
    {
        var parsed = Commands(shell).Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0 && parsed.Action is not { ClearsParseErrors: true })
        {
            return UsageLine.Write(parsed, shell);
        }

        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = shell.Out,
            Error = shell.Error,
        };
        if (parsed.Action is System.CommandLine.Invocation.SynchronousCommandLineAction)
        {
            return parsed.Invoke(configuration);
        }

        using var interruption = new Interruption(cancellation);
        try
        {
            return await parsed.InvokeAsync(configuration, interruption.Token);
        }
        catch (Exception exception)
        {
            return ErrorLine.Write(exception, shell, interruption.Token);
        }
    }
}
