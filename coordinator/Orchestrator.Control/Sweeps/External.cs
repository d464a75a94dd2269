namespace Orchestrator.Control.Sweeps;

/// <summary>Trials that somebody outside works on. Who holds one decides nothing of the search: a lease is for whom to tell, and when to hand it out again.</summary>
internal static class External
{
    /// <summary>Leases the earliest trial that nobody works on and that has something to do; none where all are held.</summary>
    public static void Ask(Turn turn, SweepCommand.Ask c)
    {
        var state = turn.State;
        if (!state.Settings!.IsExternal)
        {
            throw new SweepRefusedException("not-external", $"the trials of sweep '{state.Id}' are run by the cluster's workers", "only a sweep with workload: external is asked for trials");
        }

        if (state is not { Phase: SweepPhase.Searching, IsPaused: false })
        {
            return;
        }

        foreach (var due in state.Due)
        {
            var trial = state.Trials[due.Trial];
            if (trial.IsAwaited(state.UntilOf(trial)) && (trial.Lease is not { } held || held.Until <= c.At))
            {
                turn.Emit(new SweepEvent.TrialLeased(trial.Number, new Lease(c.Ticket, c.Worker, c.At + state.Settings.Lease!.Value)));
                return;
            }
        }
    }

    /// <summary>Whoever tells holds on to the trial, unless nothing more is wanted of it for now.</summary>
    public static void AfterReport(Turn turn, int number, DateTimeOffset at)
    {
        var state = turn.State;
        if (!state.Settings!.IsExternal || state.Trials[number] is not { Lease: { } lease } trial)
        {
            return;
        }

        var whole = state.Settings.Lease!.Value;
        if (!trial.IsAwaited(state.UntilOf(trial)))
        {
            turn.Emit(new SweepEvent.LeaseEnded(number));
        }
        else if (lease.Until - at < whole / 2)
        {
            turn.Emit(new SweepEvent.TrialLeased(number, lease with { Until = at + whole }));
        }
    }
}
