using System.Diagnostics;
using System.Threading.Channels;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>
/// What sweeps want, on its way to the run coordinator. Nothing enters before the deciding event is journalled; what gets lost here (the broker is away, the
/// process ends, the queue is full) is said again after a silence.
/// </summary>
internal sealed partial class SweepOutbox(IMessageBus bus, TimeProvider time, ILogger<SweepOutbox> logger) : BackgroundService
{
    private const int Capacity = 16_384;
    private const int MostAtOnce = 64;

    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(10);

    private readonly Channel<(ActiveSweep Sweep, SweepState State, SweepIntent Intent)> queue =
        Channel.CreateBounded<(ActiveSweep, SweepState, SweepIntent)>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    /// <summary>Never waits.</summary>
    /// <returns>How many found room.</returns>
    public int Post(ActiveSweep sweep, IEnumerable<SweepIntent> intents)
    {
        var state = sweep.State;
        var posted = 0;
        foreach (var intent in intents)
        {
            sweep.Hear(intent.Trial);
            if (!queue.Writer.TryWrite((sweep, state, intent)))
            {
                LogFull(Capacity);
                break;
            }

            posted++;
        }

        return posted;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Task>(MostAtOnce);
        while (await queue.Reader.WaitToReadAsync(stoppingToken))
        {
            while (batch.Count < MostAtOnce && queue.Reader.TryRead(out var item))
            {
                batch.Add(SendAsync(item.Sweep, item.State, item.Intent, stoppingToken));
            }

            await Task.WhenAll(batch);
            batch.Clear();
        }
    }

    private async Task SendAsync(ActiveSweep sweep, SweepState state, SweepIntent intent, CancellationToken cancellationToken)
    {
        try
        {
            using var clock = new CancellationTokenSource(SendTimeout, time);
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, clock.Token);
            await DispatchAsync(sweep, state, intent, timeout.Token);
        }
        catch (SpecException error)
        {
            LogUnreadable(error, state.Id, intent.Trial);
            await FailAsync(sweep, intent, error, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The host stops; the next one says it again.
        }
        catch (Exception error)
        {
            LogNotSent(error, intent.GetType().Name, state.Id, intent.Trial);
        }
    }

    private Task DispatchAsync(ActiveSweep sweep, SweepState state, SweepIntent intent, CancellationToken cancellationToken)
    {
        var run = Trial.RunOf(state.Id, intent.Trial, intent.Attempt);
        return intent switch
        {
            SweepIntent.Run wanted => SendRunAsync(sweep, state, wanted, run, cancellationToken),
            SweepIntent.Stop stop => bus.SendAsync(new StopTrial(state.Id, intent.Trial, intent.Attempt, run, Gracefully: false, stop.AfterEpoch), cancellationToken),
            SweepIntent.Score => bus.SendAsync(new ScoreTrial(state.Id, intent.Trial, intent.Attempt, run), cancellationToken),
            SweepIntent.Release => bus.SendAsync(new ReleaseTrial(state.Id, intent.Trial, intent.Attempt, run), cancellationToken),
            _ => throw new UnreachableException($"{intent.GetType().Name} is no intent of a sweep."),
        };
    }

    private async Task SendRunAsync(ActiveSweep sweep, SweepState state, SweepIntent.Run intent, string run, CancellationToken cancellationToken)
    {
        var trial = state.Trials[intent.Trial];
        var submission = state.Submission!;
        var values = trial.Parameters.ToDictionary(parameter => parameter.Key, parameter => parameter.Value.ToNode(), StringComparer.Ordinal);
        var spec = sweep.FileOf(submission).Resolve(values);
        if (spec.Package is { } package)
        {
            spec = spec with { Package = package with { Sha256 = submission.PackageSha256 } };
        }

        var from = trial.From is { } origin ? new TrialSource(Trial.RunOf(state.Id, origin.Trial, origin.Attempt), origin.Epoch) : null;
        using var span = SweepTraces.StartTrial(submission.TraceParent, trial, run);
        await bus.SendAsync(
            new RunTrial(
                state.Id, trial.Number, intent.Attempt, run, spec.ToJson(), submission.DatasetSha256, trial.KnownTicks, intent.Until, state.Settings!.MayCut,
                from, state.Settings.Population is not null, state.PinnedOf(trial.Number, intent.Attempt), trial.Beginning),
            cancellationToken);
    }

    /// <summary>Another version of the program accepted the file; this one can't run it.</summary>
    private async Task FailAsync(ActiveSweep sweep, SweepIntent intent, SpecException error, CancellationToken cancellationToken)
    {
        try
        {
            var end = new TrialEnd(TrialStatus.Failed, "user", error.Message, 0, "", "", time.GetUtcNow());
            await sweep.ExecuteAsync(new SweepCommand.Finish(intent.Trial, intent.Attempt, end), cancellationToken);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            LogNotSent(failure, "failure", sweep.Id, intent.Trial);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Intent} of {Sweep} trial {Trial} could not be sent; it is sent again later")]
    private partial void LogNotSent(Exception error, string intent, string sweep, int trial);

    [LoggerMessage(Level = LogLevel.Error, Message = "The file of {Sweep} can't be read any more; trial {Trial} fails")]
    private partial void LogUnreadable(Exception error, string sweep, int trial);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Capacity} messages wait for the broker; further ones are sent later")]
    private partial void LogFull(int capacity);
}
