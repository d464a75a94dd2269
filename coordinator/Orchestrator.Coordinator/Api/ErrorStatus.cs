using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Data;
using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.V1;
using RpcStatus = Google.Rpc.Status;

namespace Orchestrator.Coordinator.Api;

/// <summary>Errors that a person can mend, as <c>google.rpc.Status</c> with a <c>UserError</c> detail.</summary>
internal static class ErrorStatus
{
    /// <summary>Null where the error is nobody's but ours.</summary>
    public static RpcStatus? Of(Exception error) => error switch
    {
        UserException user => Of(user.Status, user.Message, new UserError { Code = user.Code, Message = user.Message, Mend = user.Mend }),
        SpecException spec => Of(StatusCode.InvalidArgument, spec.Message, Detail(spec.Error)),
        DataFormatException data => Of(StatusCode.InvalidArgument, data.Message, new UserError { Code = "bad-dataset", Message = data.Message }),
        JournalException journal => Of(
            journal.Code == "journal-full" ? StatusCode.ResourceExhausted : journal.Passing ? StatusCode.Unavailable : StatusCode.Internal,
            new UserError { Code = journal.Code, Message = journal.Message.TrimEnd('.'), Mend = journal.Mend }),
        StreamConflictException => Of(StatusCode.Aborted, new UserError
        {
            Code = "changed-meanwhile",
            Message = "somebody else changed it at the same moment",
            Mend = "try again",
        }),
        IOException full when DiskSpace.IsFull(full) => Of(StatusCode.ResourceExhausted, new UserError
        {
            Code = "disk-full",
            Message = "no space left in the coordinator's data directory",
            Mend = "free some",
        }),
        OperationCanceledException => Of(StatusCode.Unavailable, new UserError
        {
            Code = "stopping",
            Message = "the coordinator stops",
            Mend = "try again once it is back",
        }),
        _ => null,
    };

    private static UserError Detail(SpecError error) => new()
    {
        Code = error.Code,
        Message = error.Message,
        Mend = error.Mend,
        File = error.File,
        Line = error.Line,
        Column = error.Column,
        Field = error.Field,
    };

    private static RpcStatus Of(StatusCode code, UserError detail) => Of(code, detail.Message, detail);

    /// <summary>Who reads no details still sees the mend.</summary>
    private static RpcStatus Of(StatusCode code, string message, UserError detail) => new()
    {
        Code = (int)code,
        Message = detail.Mend.Length == 0 || message.EndsWith(detail.Mend, StringComparison.Ordinal) ? message : $"{message}; {detail.Mend}",
        Details = { Any.Pack(detail) },
    };
}
