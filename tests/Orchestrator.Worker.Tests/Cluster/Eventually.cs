namespace Orchestrator.Worker.Tests.Cluster;

internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task<T> Some<T>(Func<T?> look, Func<string> otherwise)
        where T : class
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            if (look() is { } found)
            {
                return found;
            }

            Assert.False(deadline.IsCancellationRequested, otherwise());
            await Task.Delay(Interval, TestContext.Current.CancellationToken);
        }
    }

    public static Task Holds(Func<bool> condition, Func<string> otherwise) => Some(() => condition() ? "" : null, otherwise);
}
