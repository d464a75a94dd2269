using System.Diagnostics;
using System.Threading.Channels;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Journal;

namespace Orchestrator.Coordinator.Runs;

/// <summary>
/// Follows the journal, and does what must follow from a run's events however often the coordinator dies: tells sweeps of their trials, and takes released checkpoints away.
/// Nothing is told that is not in the journal, and nothing in the journal stays untold; some of it may be told twice.
/// </summary>
internal sealed partial class RunOutbox(IJournal journal, IMessageBus bus, IArtifactStore artifacts, RunStreams streams, TimeProvider time, ILogger<RunOutbox> logger)
    : BackgroundService
{
    private const string Cursor = "runs-outbox";
    private const int MostAtOnce = 256;
    private static readonly TimeSpan CursorEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan AfterError = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Not before the table is filled and the broker's endpoints are bound: both are started by the host before this loop's first await returns.
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(exception);
                await Task.Delay(AfterError, time, stoppingToken);
            }
        }
    }

    private async Task FollowAsync(CancellationToken stoppingToken)
    {
        var position = await journal.ReadCursorAsync(Cursor, stoppingToken);
        var rows = Channel.CreateBounded<JournalEvent>(new BoundedChannelOptions(MostAtOnce) { SingleReader = true, SingleWriter = true });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var reading = ReadAsync(rows.Writer, position, over.Token);
        try
        {
            await HandleAsync(rows.Reader, position, over.Token);
        }
        finally
        {
            await over.CancelAsync();
            await reading;
        }
    }

    private async Task ReadAsync(ChannelWriter<JournalEvent> rows, long position, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var row in journal.FollowAsync(position, cancellationToken))
            {
                await rows.WriteAsync(row, cancellationToken);
            }

            rows.TryComplete();
        }
        catch (Exception exception)
        {
            rows.TryComplete(exception);
        }
    }

    private async Task HandleAsync(ChannelReader<JournalEvent> rows, long written, CancellationToken cancellationToken)
    {
        var writtenAt = time.GetTimestamp();
        var position = written;
        var batch = new List<JournalEvent>(MostAtOnce);
        while (await rows.WaitToReadAsync(cancellationToken))
        {
            batch.Clear();
            while (batch.Count < MostAtOnce && rows.TryRead(out var row))
            {
                batch.Add(row);
            }

            position = batch[^1].Position;
            // What concerns one run is told in its order; different runs don't wait for each other.
            await Task.WhenAll(batch.Where(row => row.Stream.Category == "run").GroupBy(row => row.Stream.Id)
                .Select(run => HandleRunAsync(run.Key, run, cancellationToken)));
            // Often enough: what is told twice after a crash does no harm, a write for every event would.
            if (time.GetElapsedTime(writtenAt) > CursorEvery)
            {
                await journal.WriteCursorAsync(Cursor, position, cancellationToken);
                writtenAt = time.GetTimestamp();
            }
        }
    }

    private async Task HandleRunAsync(string run, IEnumerable<JournalEvent> rows, CancellationToken cancellationToken)
    {
        foreach (var row in rows)
        {
            // The journal wakes its readers before its writer has gone on.
            var state = await streams.SeeAsync(run, row.Version);
            if (state.Phase is RunPhase.Unknown)
            {
                // Deleted meanwhile.
                return;
            }

            var happened = EventStore<RunState, RunEvent>.Read(row);
            switch (happened)
            {
                case RunEvent.CheckpointReleased e:
                    await DeleteAsync(state, e.Checkpoint, cancellationToken);
                    break;
                case RunEvent.CheckpointRejected e:
                    await DeleteAsync(state, e.Checkpoint, cancellationToken);
                    break;
                default:
                    if (RunMessages.Of(state, happened) is { } message)
                    {
                        using var span = Span(state, happened);
                        await SendAsync(bus, message, cancellationToken);
                    }

                    break;
            }
        }
    }

    /// <summary>By its own type, for the broker chooses the queue by it.</summary>
    internal static Task SendAsync(IMessageBus bus, object message, CancellationToken cancellationToken) => message switch
    {
        TrialStarted started => bus.SendAsync(started, cancellationToken),
        TrialReported reported => bus.SendAsync(reported, cancellationToken),
        TrialFinished finished => bus.SendAsync(finished, cancellationToken),
        TrialScored scored => bus.SendAsync(scored, cancellationToken),
        _ => throw new UnreachableException(),
    };

    /// <summary>Messages travel in the run's trace.</summary>
    private static Activity? Span(RunState state, RunEvent happened) =>
        ActivityContext.TryParse(TraceContexts.Within(state, state.SpanId), null, isRemote: true, out var context)
            ? TraceContexts.Source.StartActivity($"tell {happened.GetType().Name}", ActivityKind.Producer, context)?.SetTag("run", state.Id)
            : null;

    /// <summary>Unless a later generation wrote it anew.</summary>
    private Task DeleteAsync(RunState state, string checkpoint, CancellationToken cancellationToken) =>
        state.Checkpoints.Exists(record => record.Id == checkpoint) ? Task.CompletedTask : artifacts.DeleteAsync(checkpoint, cancellationToken);

    [LoggerMessage(Level = LogLevel.Error, Message = "The outbox stopped; it goes on from where it was")]
    private partial void LogFailed(Exception exception);
}
