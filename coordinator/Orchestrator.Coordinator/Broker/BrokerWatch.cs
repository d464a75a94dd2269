using Orchestrator.Coordinator.Api;

namespace Orchestrator.Coordinator.Broker;

/// <summary>Counts the dead letters now and then, for everybody who asks: counting is a connection of its own.</summary>
internal sealed partial class BrokerWatch(IDeadLetters letters, ClusterFigures figures, TimeProvider time, ILogger<BrokerWatch> logger) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private long count;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        figures.DeadLetters = () => Interlocked.Read(ref count);
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            try
            {
                var now = await letters.CountAsync(stoppingToken);
                if (now > Interlocked.Exchange(ref count, now))
                {
                    LogDeadLetters(now);
                }
            }
            catch (BrokerException)
            {
                // It is away, which its health says; what it holds is counted when it is back.
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} dead letters: messages that failed at every try; the log says why, and who waits for them asks again")]
    private partial void LogDeadLetters(long count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The dead letters could not be counted; in a while again")]
    private partial void LogFailed(Exception exception);
}
