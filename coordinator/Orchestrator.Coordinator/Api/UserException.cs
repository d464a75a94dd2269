using Grpc.Core;

namespace Orchestrator.Coordinator.Api;

/// <summary>An error that a person can mend; reaches them as one line, with the wire's <c>UserError</c> detail.</summary>
/// <param name="status">INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, ...</param>
/// <param name="code">Stable: unknown-sweep, unknown-dataset, ...</param>
public sealed class UserException(StatusCode status, string code, string message, string mend = "") : Exception(message)
{
    public StatusCode Status { get; } = status;

    public string Code { get; } = code;

    public string Mend { get; } = mend;
}
