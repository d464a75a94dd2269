using Grpc.Core;
using Grpc.Core.Interceptors;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Wire;

/// <summary>
/// Gives every call the token and the trace context, and short calls a deadline. A call that finds nobody ends as an error that names the address.
/// </summary>
internal sealed class CallHeaders(Uri address, string? token, string? traceParent) : Interceptor
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var call = continuation(request, With(context, context.Options.Deadline ?? DateTime.UtcNow + Deadline));
        return new(Explained(call.ResponseAsync), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, With(context, context.Options.Deadline));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(With(context, context.Options.Deadline));

    private ClientInterceptorContext<TRequest, TResponse> With<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, DateTime? deadline)
        where TRequest : class
        where TResponse : class
    {
        var headers = new Metadata();
        foreach (var header in context.Options.Headers ?? [])
        {
            headers.Add(header);
        }

        if (!string.IsNullOrEmpty(token))
        {
            headers.Add("authorization", "Bearer " + token.Trim());
        }

        if (traceParent is not null)
        {
            headers.Add("traceparent", traceParent);
        }

        var options = context.Options.WithHeaders(headers);
        return new(context.Method, context.Host, deadline is { } at ? options.WithDeadline(at) : options);
    }

    private async Task<TResponse> Explained<TResponse>(Task<TResponse> response)
    {
        try
        {
            return await response;
        }
        catch (RpcException exception) when (exception.IsUnreachable())
        {
            throw NoCoordinator(address);
        }
    }

    public static CliException NoCoordinator(Uri address) =>
        new(ExitCode.NoCoordinator, $"no coordinator at {address.Authority}; start one with `orch up`, or name another with ORCH_ENDPOINT");
}
