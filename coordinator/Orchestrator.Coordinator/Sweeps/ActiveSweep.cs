using System.Collections.Concurrent;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>
/// A sweep that is not settled yet: its commands are decided one after the other, those that wait for their turn together, in one append. Whoever comes first
/// does the work of all who wait.
/// </summary>
internal sealed class ActiveSweep(string id, EventStore<SweepState, SweepEvent> store, TimeProvider time, CancellationToken stopping)
{
    private const int MostTogether = 512;

    private readonly ConcurrentQueue<Waiting> queue = new();
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly ConcurrentDictionary<int, long> heard = new();
    private readonly Lock specs = new();
    private volatile TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile SweepState state = SweepState.Initial;
    private SweepFile? file;

    public string Id => id;

    /// <summary>After the last decision; the initial one until something was loaded or decided.</summary>
    public SweepState State => state;

    /// <summary>Completes when the state is another one than at this moment. Take it before reading the state.</summary>
    public Task Changed => changed.Task;

    /// <summary>Called with what a batch of commands decided, once that is journalled.</summary>
    public required Action<ActiveSweep, IReadOnlyList<SweepEvent>> Decided { get; init; }

    /// <summary>Returns the state once what was decided stands in the journal.</summary>
    /// <exception cref="SweepRefusedException">The state does not allow it.</exception>
    /// <exception cref="JournalException">It can't be written.</exception>
    public async Task<SweepState> ExecuteAsync(SweepCommand command, CancellationToken cancellationToken)
    {
        var mine = new Waiting(command);
        queue.Enqueue(mine);
        await turn.WaitAsync(cancellationToken);
        try
        {
            while (!mine.IsDone)
            {
                await DecideAsync();
            }
        }
        finally
        {
            turn.Release();
        }

        return mine.Failure is { } failure ? throw failure : mine.State;
    }

    public async Task<SweepState> LoadAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            Publish((await store.LoadAsync(id, cancellationToken)).State);
            return state;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>The trial has been heard of, or spoken of, now.</summary>
    public void Hear(int trial) => heard[trial] = time.GetTimestamp();

    /// <summary>Whether nothing was heard of the trial for that long.</summary>
    public bool IsSilent(int trial, TimeSpan atLeast) =>
        time.GetElapsedTime(heard.GetOrAdd(trial, static (_, clock) => clock.GetTimestamp(), time)) >= atLeast;

    /// <summary>Forgets when trials were heard of that nobody waits for any more.</summary>
    public void ForgetEnded()
    {
        var now = state;
        foreach (var trial in heard.Keys.Where(trial => trial >= now.Trials.Count || (now.Trials[trial].HasEnded && now.Best != trial)))
        {
            heard.TryRemove(trial, out _);
        }
    }

    /// <summary>The file that the sweep was submitted with.</summary>
    /// <exception cref="SpecException">This version reads it differently from the one that accepted it.</exception>
    public SweepFile FileOf(Submission submission)
    {
        lock (specs)
        {
            return file ??= SweepFile.Parse(submission.File, submission.FileName, submission.Set);
        }
    }

    private async Task DecideAsync()
    {
        var batch = new List<Waiting>();
        while (batch.Count < MostTogether && queue.TryDequeue(out var next))
        {
            batch.Add(next);
        }

        IReadOnlyList<SweepEvent> events = [];
        try
        {
            // Others wait for the same append: it does not end with the one call that happens to do it.
            var result = await store.ExecuteAsync(id, current => events = Decide(current, batch), stopping);
            Publish(result.State);
            Decided(this, events);
        }
        catch (Exception failure)
        {
            // Nobody of the batch knows more than that: what came in is sent again, a person asks again.
            batch.ForEach(waiting => waiting.Failure ??= failure);
        }

        foreach (var waiting in batch)
        {
            waiting.State = state;
            waiting.IsDone = true;
        }
    }

    private static List<SweepEvent> Decide(SweepState current, List<Waiting> batch)
    {
        var events = new List<SweepEvent>();
        foreach (var waiting in batch)
        {
            waiting.Failure = null;
            try
            {
                var decided = SweepDecision.Decide(current, waiting.Command);
                current = decided.Aggregate(current, SweepEvolution.Apply);
                events.AddRange(decided);
            }
            catch (SweepRefusedException refusal)
            {
                waiting.Failure = refusal;
            }
        }

        return events;
    }

    private void Publish(SweepState next)
    {
        if (ReferenceEquals(next, state))
        {
            return;
        }

        state = next;
        var before = changed;
        changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        before.SetResult();
    }

    private sealed class Waiting(SweepCommand command)
    {
        public SweepCommand Command { get; } = command;

        public SweepState State { get; set; } = SweepState.Initial;

        public Exception? Failure { get; set; }

        public bool IsDone { get; set; }
    }
}
