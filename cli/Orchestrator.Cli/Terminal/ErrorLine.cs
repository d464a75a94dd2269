using Grpc.Core;
using Orchestrator.Cli.Wire;
using Orchestrator.Specs;
using Orchestrator.V1;

namespace Orchestrator.Cli.Terminal;

/// <summary>Every failure of a command becomes one line on stderr and an exit code, here and nowhere else.</summary>
public static class ErrorLine
{
    /// <param name="interrupted">Where this is cancelled, a cancelled call is the user's own wish and no error.</param>
    public static int Write(Exception exception, Shell shell, CancellationToken interrupted)
    {
        if (interrupted.IsCancellationRequested && exception is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return ExitCode.Interrupted;
        }

        var (code, message) = Explain(exception);
        shell.Error.WriteLine("error: " + OneLine(message));
        if (shell.Variable("ORCH_DEBUG") is { Length: > 0 })
        {
            shell.Error.WriteLine(exception);
        }

        return code;
    }

    private static (int Code, string Message) Explain(Exception exception) => exception switch
    {
        CliException cli => (cli.ExitCode, cli.Message),
        RpcException rpc when rpc.IsHungUp() =>
            (ExitCode.NoCoordinator, "who answers does not speak gRPC, or is just stopping; is ORCH_ENDPOINT the coordinator's web port, or another program's?"),
        SpecException spec => (ExitCode.BadInput, spec.Error.ToString()),
        RpcException rpc => (CodeOf(rpc.StatusCode), rpc.GetRpcStatus()?.GetDetail<UserError>() is { } detail ? Line(detail) : Plain(rpc)),
        IOException or UnauthorizedAccessException => (ExitCode.BadInput, exception.Message),
        _ => (ExitCode.Failed, $"this is a bug: {exception.GetType().Name}: {exception.Message}; set ORCH_DEBUG=1 for the stack"),
    };

    private static int CodeOf(StatusCode status) => status switch
    {
        StatusCode.Unavailable or StatusCode.DeadlineExceeded => ExitCode.NoCoordinator,
        StatusCode.Unauthenticated or StatusCode.PermissionDenied => ExitCode.NotAllowed,
        StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.AlreadyExists or StatusCode.FailedPrecondition or StatusCode.OutOfRange =>
            ExitCode.BadInput,
        _ => ExitCode.Failed,
    };

    private static string Plain(RpcException rpc) => rpc.StatusCode switch
    {
        StatusCode.Unavailable => "the coordinator is gone or can't be reached; start one with `orch up`, or set ORCH_ENDPOINT",
        StatusCode.DeadlineExceeded => "the coordinator did not answer in time; see its log, or `orch doctor`",
        StatusCode.Unauthenticated or StatusCode.PermissionDenied =>
            $"not allowed: {rpc.Status.Detail}; set ORCH_TOKEN to the token that the coordinator was started with",
        StatusCode.Unimplemented => "the coordinator does not know this command; is it of another version, or ORCH_ENDPOINT its web port?",
        _ => rpc.Status.Detail.Length > 0 ? rpc.Status.Detail : rpc.StatusCode.ToString(),
    };

    private static string Line(UserError error) =>
        new SpecError(error.Code, error.Message, error.Mend, error.File, error.Line, error.Column, error.Field).ToString();

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();
}
