using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>Where a coordinator answers; the JSON form is what <c>up --detach</c> prints.</summary>
/// <param name="Address">gRPC: http://127.0.0.1:5080</param>
/// <param name="Web">REST, health and metrics.</param>
public sealed record CoordinatorEndpoint(
    [property: JsonPropertyName("endpoint")] string Address, [property: JsonPropertyName("web")] string Web, [property: JsonPropertyName("pid")] int Pid);

/// <summary>The addresses that were bound; known once the host has started.</summary>
public sealed class BoundEndpoints(CoordinatorOptions options, IServer server)
{
    private CoordinatorEndpoint? _endpoint;

    /// <exception cref="InvalidOperationException">The host has not started yet.</exception>
    public CoordinatorEndpoint Endpoint => _endpoint ??= Read();

    private CoordinatorEndpoint Read()
    {
        // In the order in which they were asked for: gRPC, web.
        var bound = server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Select(address => BindingAddress.Parse(address).Port).ToArray();
        return bound is [var grpc, var web] && grpc != 0 && web != 0
            ? new CoordinatorEndpoint(options.ListenAddress.UriAt(grpc), options.WebAddress.UriAt(web), Environment.ProcessId)
            : throw new InvalidOperationException("The listeners are not bound yet.");
    }
}
