using System.Net;
using Grpc.Core;
using Microsoft.Net.Http.Headers;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>
/// Stands before everything but health: with a token configured nobody passes without it; without one (loopback only) a request must name this machine,
/// so that a page in a browser can't reach the coordinator by a name of its own or across origins.
/// </summary>
internal sealed class AccessGuard(RequestDelegate next, AccessToken token)
{
    private const string Scheme = "Bearer ";

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal)
            || context.Request.Path.StartsWithSegments("/grpc.health.v1.Health", StringComparison.Ordinal))
        {
            return next(context);
        }

        return Refusal(context.Request) is { } refusal ? RefuseAsync(context, refusal) : next(context);
    }

    private Status? Refusal(HttpRequest request)
    {
        if (!token.IsRequired)
        {
            return IsFromThisMachine(request) ? null : new Status(StatusCode.PermissionDenied, "this coordinator answers requests to and from this machine alone");
        }

        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return new Status(StatusCode.Unauthenticated, "this coordinator needs a token; set ORCH_TOKEN, or --token-file for an agent");
        }

        return token.Accepts(header[Scheme.Length..].Trim())
            ? null
            : new Status(StatusCode.PermissionDenied, "the token is not this coordinator's; check ORCH_TOKEN or --token-file");
    }

    private static bool IsFromThisMachine(HttpRequest request)
    {
        if (!IsThisMachine(request.Host.Host))
        {
            return false;
        }

        var origin = request.Headers[HeaderNames.Origin].ToString();
        return origin.Length == 0
            || (Uri.TryCreate(origin, UriKind.Absolute, out var uri) && IsThisMachine(uri.Host) && uri.Port == (request.Host.Port ?? 80));
    }

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static Task RefuseAsync(HttpContext context, Status refusal)
    {
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
        {
            // A gRPC answer without a message: the status goes in the headers.
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = $"{(int)refusal.StatusCode}";
            context.Response.Headers["grpc-message"] = Uri.EscapeDataString(refusal.Detail);
            return Task.CompletedTask;
        }

        context.Response.StatusCode = refusal.StatusCode == StatusCode.Unauthenticated ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden;
        if (refusal.StatusCode == StatusCode.Unauthenticated)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
        }

        return context.Response.WriteAsJsonAsync(new { code = (int)refusal.StatusCode, message = refusal.Detail }, context.RequestAborted);
    }
}
