using Grpc.Core;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Commands;

/// <summary>Ctrl-C while watching: the watcher goes, the work stays.</summary>
internal static class Detach
{
    public static bool Is(Exception exception, CancellationToken cancellation) =>
        cancellation.IsCancellationRequested && exception is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled };

    public static int Say(Shell shell, string kind, string id)
    {
        shell.Error.WriteLine($"no longer watching; the {kind} goes on: `orch {kind} watch {id}`, or end it with `orch {kind} cancel {id}`");
        return ExitCode.Done;
    }
}
