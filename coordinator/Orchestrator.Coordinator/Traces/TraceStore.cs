using System.Text.Json;
using System.Threading.Channels;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Traces;

/// <summary>Keeps recent traces. Nobody ever waits for it: spans go into a bounded queue and are written in batches; those that find no room are counted.</summary>
public sealed partial class TraceStore : BackgroundService
{
    private const int BatchSpans = 1_000;

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(1);

    private readonly TraceDatabase _database;
    private readonly TraceMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<TraceStore> _logger;
    private readonly Channel<SpanRow> _waiting;

    internal TraceStore(TraceDatabase database, TraceLimits limits, TraceMetrics metrics, TimeProvider time, ILogger<TraceStore> logger)
    {
        (_database, _metrics, _time, _logger) = (database, metrics, time, logger);
        _waiting = Channel.CreateBounded<SpanRow>(new BoundedChannelOptions(limits.Waiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    }

    /// <summary>The spans of a trace that have arrived, by start; none where the trace is not known.</summary>
    /// <param name="traceId">32 lower-case hex digits.</param>
    public async Task<IReadOnlyList<TraceSpan>> ReadAsync(string traceId, CancellationToken cancellationToken) =>
        [.. (await _database.ReadAsync(traceId, cancellationToken)).Select(ToMessage)];

    /// <summary>Never waits.</summary>
    internal void Offer(SpanRow row)
    {
        if (!_waiting.Writer.TryWrite(row))
        {
            _metrics.Dropped(1, "queue-full");
        }
    }

    /// <summary>Takes no more, and writes what waits.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _waiting.Writer.TryComplete();
        if (ExecuteTask is { } writing)
        {
            await writing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<SpanRow>(BatchSpans);
        while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            while (batch.Count < BatchSpans && _waiting.Reader.TryRead(out var row))
            {
                batch.Add(row);
            }

            await WriteAsync(batch, stoppingToken);
            batch.Clear();
        }
    }

    private async Task WriteAsync(List<SpanRow> batch, CancellationToken stoppingToken)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                _metrics.Dropped(await _database.WriteAsync(batch, _time.GetUtcNow(), stoppingToken), "budget");
                _metrics.Kept(batch.Count);
                return;
            }
            catch (Exception error)
            {
                // At the host's stop there is no second try: traces are not worth waiting for.
                if (_waiting.Reader.Completion.IsCompleted || stoppingToken.IsCancellationRequested)
                {
                    return;
                }

                if (failures == 0)
                {
                    LogUnwritable(error.Message.TrimEnd('.'));
                }
            }

            await Task.Delay(BetweenTries, _time, stoppingToken);
        }
    }

    private static TraceSpan ToMessage(SpanRow row)
    {
        var span = new TraceSpan
        {
            Id = row.SpanId,
            Parent = row.Parent,
            Name = row.Name,
            Service = row.Service,
            ProcessId = row.ProcessId,
            StartUnixNano = row.StartUnixNano,
            EndUnixNano = row.EndUnixNano,
        };
        span.Attributes.Add(JsonSerializer.Deserialize<Dictionary<string, string>>(row.Attributes) ?? []);
        return span;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Traces can't be written ({Reason}); trying again every second, and dropping spans meanwhile")]
    private partial void LogUnwritable(string reason);
}
