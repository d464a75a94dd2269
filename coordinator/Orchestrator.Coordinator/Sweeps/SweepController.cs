using Orchestrator.Control.Sweeps;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>Takes sweeps up again after a restart, and says again what was not answered: no message between the roles has to arrive.</summary>
internal sealed partial class SweepController(SweepBook book, SweepOutbox outbox, TimeProvider time, ILogger<SweepController> logger) : BackgroundService
{
    /// <summary>How long a trial may say nothing before it is asked for again.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    /// <summary>How often an ended sweep repeats what it wants; by then a broker that keeps no messages has passed them on, or was restarted with us.</summary>
    private const int FarewellRounds = 2;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(3);

    private readonly Dictionary<string, Farewell> farewells = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var timer = new PeriodicTimer(Look, time);
        while (!await TryTakeUpAsync(stoppingToken))
        {
            await timer.WaitForNextTickAsync(stoppingToken);
        }

        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            ForgetDeleted();
            foreach (var sweep in book.Active)
            {
                try
                {
                    await LookAtAsync(sweep, stoppingToken);
                }
                catch (Exception error) when (!stoppingToken.IsCancellationRequested)
                {
                    LogTrouble(error, sweep.Id);
                }
            }
        }
    }

    /// <summary>Replays every sweep; those under way say at once what they still want.</summary>
    /// <returns>False where the journal is away.</returns>
    private async Task<bool> TryTakeUpAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> sweeps;
        try
        {
            sweeps = await book.ListAsync(cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            LogUnlisted(error);
            return false;
        }

        foreach (var id in sweeps)
        {
            try
            {
                if (await book.WatchAsync(id, cancellationToken) is { } sweep)
                {
                    outbox.Post(sweep, SweepIntent.Outstanding(sweep.State));
                    LogTakenUp(id, sweep.State.Phase);
                }
                else if ((await book.ReadAsync(id, cancellationToken)).Phase == SweepPhase.Deleted)
                {
                    await book.DeleteAsync(id, cancellationToken);
                }
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
            {
                LogTrouble(error, id);
            }
        }

        return true;
    }

    private async Task LookAtAsync(ActiveSweep sweep, CancellationToken cancellationToken)
    {
        var state = sweep.State;
        sweep.ForgetEnded();
        if (state.HasEnded)
        {
            await SayFarewellAsync(sweep, state, cancellationToken);
        }
        else if (state.Settings?.Stop.Seconds is { } seconds && state.Closed.Length == 0 && time.GetUtcNow() - state.SubmittedAt >= TimeSpan.FromSeconds(seconds))
        {
            await book.ExecuteAsync(sweep.Id, new SweepCommand.TimeOut(time.GetUtcNow()), cancellationToken);
        }
        else if (!state.Due.IsEmpty || !state.Halting.IsEmpty || state.Phase == SweepPhase.Scoring)
        {
            outbox.Post(sweep, SweepIntent.Outstanding(state).Where(intent => sweep.IsSilent(intent.Trial, Silence)));
        }
    }

    private async Task SayFarewellAsync(ActiveSweep sweep, SweepState state, CancellationToken cancellationToken)
    {
        if (!farewells.TryGetValue(sweep.Id, out var last))
        {
            farewells[sweep.Id] = new Farewell(time.GetTimestamp(), 0, 0);
            return;
        }

        if (last.Posted == 0 && time.GetElapsedTime(last.At) < Silence)
        {
            return;
        }

        if (last.Rounds < FarewellRounds)
        {
            // Of a large sweep not everything finds room at once: the rest has its turn at the next look.
            var left = SweepIntent.Outstanding(state).Skip(last.Posted).ToArray();
            var posted = outbox.Post(sweep, left);
            farewells[sweep.Id] = posted < left.Length
                ? last with { Posted = last.Posted + posted }
                : new Farewell(time.GetTimestamp(), last.Rounds + 1, 0);
            return;
        }

        await book.ExecuteAsync(sweep.Id, new SweepCommand.Settle(), cancellationToken);
        farewells.Remove(sweep.Id);
    }

    /// <param name="At">When the last round was said.</param>
    /// <param name="Posted">How much of the present one.</param>
    private readonly record struct Farewell(long At, int Rounds, int Posted);

    private void ForgetDeleted()
    {
        var active = book.Active.Select(sweep => sweep.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in farewells.Keys.Where(id => !active.Contains(id)).ToArray())
        {
            farewells.Remove(gone);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Sweep {Sweep} taken up again: {Phase}")]
    private partial void LogTakenUp(string sweep, SweepPhase phase);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The sweeps could not be listed; in a moment again")]
    private partial void LogUnlisted(Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Sweep {Sweep} could not be looked after; next time again")]
    private partial void LogTrouble(Exception error, string sweep);
}
