namespace Orchestrator.Simulation.Tests;

/// <summary>The world's clock, for the code under test.</summary>
internal sealed class VirtualTime(VirtualWorld world) : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    // Never 0, which some take for "not yet".
    public override long GetTimestamp() => world.Now + 1;

    public override DateTimeOffset GetUtcNow() => Beginning + world.Elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Timer(world, callback, state, dueTime, period);

    /// <summary>Goes off in the process that asked for it.</summary>
    private sealed class Timer : ITimer
    {
        private bool over;

        public Timer(VirtualWorld world, TimerCallback callback, object? state, TimeSpan due, TimeSpan period)
        {
            var process = (Process)SynchronizationContext.Current!;
            After(due);

            void After(TimeSpan wait)
            {
                if (wait == Timeout.InfiniteTimeSpan || wait <= TimeSpan.Zero)
                {
                    return;
                }

                world.After(wait, process, () =>
                {
                    if (!over)
                    {
                        callback(state);
                        After(period);
                    }
                });
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose() => over = true;

        public ValueTask DisposeAsync()
        {
            over = true;
            return ValueTask.CompletedTask;
        }
    }
}
