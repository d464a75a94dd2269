using Grpc.Core;

namespace Orchestrator.Cli.Wire;

/// <summary>Tells the calls that no coordinator answered from those that one refused.</summary>
public static class Unanswered
{
    /// <summary>Nobody is there, or whoever was went in the middle of it.</summary>
    public static bool IsUnreachable(this RpcException exception) => exception.StatusCode == StatusCode.Unavailable && exception.GetRpcStatus() is null;

    /// <summary>
    /// Who is there never let it become an HTTP/2 exchange: another program, or a coordinator that was just stopping. How the client's stack words it
    /// depends on how far the greeting came before the other end hung up.
    /// </summary>
    public static bool IsHungUp(this RpcException exception) => exception is { StatusCode: StatusCode.Internal, Status.DebugException: HttpRequestException };
}
