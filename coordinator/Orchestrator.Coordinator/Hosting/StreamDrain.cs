namespace Orchestrator.Coordinator.Hosting;

/// <summary>Lets calls that are under way finish for a moment once the host stops, then cuts them: a watch would otherwise hold the process up.</summary>
internal sealed class StreamDrain : IDisposable
{
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _cut = new();
    private readonly CancellationTokenRegistration _stopping;

    public StreamDrain(IHostApplicationLifetime lifetime)
    {
        _stopping = lifetime.ApplicationStopping.Register(() => _cut.CancelAfter(Grace));
    }

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        await using var registration = _cut.Token.Register(context.Abort);
        await next(context);
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _cut.Dispose();
    }
}
