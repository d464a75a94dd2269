using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Hosting;

/// <summary>A whole coordinator on free ports and a folder of its own, with clients for both its sides.</summary>
internal sealed class RunningCoordinator : IAsyncDisposable
{
    /// <summary>How long a test waits for something to be seen on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly WebApplication _app;
    private readonly GrpcChannel _channel;

    private RunningCoordinator(WebApplication app, CoordinatorOptions options, TemporaryFolder? folder)
    {
        _app = app;
        Options = options;
        Folder = folder;
        Endpoint = app.Services.GetRequiredService<BoundEndpoints>().Endpoint;
        _channel = GrpcChannel.ForAddress(Endpoint.Address);
        Web = new HttpClient { BaseAddress = new Uri(Endpoint.Web) };
    }

    public CoordinatorOptions Options { get; }

    public CoordinatorEndpoint Endpoint { get; }

    public HttpClient Web { get; }

    public ChannelBase Grpc => _channel;

    public IServiceProvider Services => _app.Services;

    private TemporaryFolder? Folder { get; }

    public static async Task<RunningCoordinator> StartAsync(Func<CoordinatorOptions, CoordinatorOptions>? change = null)
    {
        var folder = new TemporaryFolder();
        return await StartAsync(OptionsIn(folder.Path, change), folder);
    }

    /// <summary>A new token, and the file that holds it.</summary>
    public static (string File, string Token) NewToken(TemporaryFolder folder)
    {
        var token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        File.WriteAllText(folder["token"], token + "\n");
        return (folder["token"], token);
    }

    /// <summary>In a folder that outlives it.</summary>
    public static Task<RunningCoordinator> StartInAsync(string folder, Func<CoordinatorOptions, CoordinatorOptions>? change = null) =>
        StartAsync(OptionsIn(folder, change), null);

    public static CoordinatorOptions OptionsIn(string folder, Func<CoordinatorOptions, CoordinatorOptions>? change = null)
    {
        var options = new CoordinatorOptions { Listen = "127.0.0.1:0", DataDirectory = folder };
        return change?.Invoke(options) ?? options;
    }

    public CallInvoker WithToken(string token) => _channel.Intercept(metadata =>
    {
        metadata.Add("authorization", $"Bearer {token}");
        return metadata;
    });

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public Task StoppedAsync() => _app.WaitForShutdownAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Web.Dispose();
        _channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Folder?.Dispose();
    }

    private static async Task<RunningCoordinator> StartAsync(CoordinatorOptions options, TemporaryFolder? folder)
    {
        var app = CoordinatorHost.Build(options);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningCoordinator(app, options, folder);
    }
}
