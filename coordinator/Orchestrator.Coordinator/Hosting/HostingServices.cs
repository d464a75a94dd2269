namespace Orchestrator.Coordinator.Hosting;

internal static class HostingServices
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(15);

    /// <summary>Options, folder, token, and the file that says where the coordinator answers.</summary>
    public static IServiceCollection AddHosting(this IServiceCollection services, CoordinatorOptions options, AccessToken token, DataDirectory directory)
    {
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        services.AddRouting();
        services.AddSingleton(options);
        services.AddSingleton(token);

        // By a factory, so that the container lets the lock go at the end.
        services.AddSingleton(_ => directory);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<BoundEndpoints>();
        services.AddSingleton<StreamDrain>();
        services.AddHostedService<EndpointFile>();
        return services;
    }

    public static void UseHosting(this WebApplication app)
    {
        app.Use(app.Services.GetRequiredService<StreamDrain>().InvokeAsync);
        app.UseMiddleware<AccessGuard>();
        app.Use(UnaryDeadline.InvokeAsync);
    }
}
