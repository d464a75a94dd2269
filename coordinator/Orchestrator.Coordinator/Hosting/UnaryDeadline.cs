using Grpc.AspNetCore.Server;
using Grpc.Core;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>A deadline for unary calls whose callers gave none: whatever they wait for, it is not waited for without end.</summary>
internal static class UnaryDeadline
{
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    public static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type != MethodType.Unary)
        {
            await next(context);
            return;
        }

        var gone = context.RequestAborted;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(gone);
        deadline.CancelAfter(Longest);
        context.RequestAborted = deadline.Token;
        try
        {
            await next(context);
        }
        finally
        {
            context.RequestAborted = gone;
        }
    }
}
