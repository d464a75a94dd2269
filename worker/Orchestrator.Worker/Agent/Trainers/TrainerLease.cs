using Orchestrator.V1;
using Orchestrator.Worker.Stacks;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>
/// What a task has of a process: from its start, or out of the reserve, to its end, or back into the reserve. Whoever wants to end it may do so at any time, before there is one too; the first reason counts.
/// </summary>
/// <param name="log">Takes lines for the run's log.</param>
internal sealed class TrainerLease(SpareTrainers spares, string socket, TrainerTalk talk, Action<string> log, TimeProvider time)
{
    private static readonly TimeSpan ExitDeadline = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private readonly CancellationTokenSource lookEnd = new();
    private readonly TaskCompletionSource givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReadOnlyDictionary<string, string> environment = new Dictionary<string, string>();
    private TrainerProcess? process;
    private EndReason? reason;
    private Task look = Task.CompletedTask;
    // The process is in reserve again, and no longer ours.
    private bool rests;

    /// <summary>Null before it has begun.</summary>
    public int? Pid => process?.Pid;

    /// <summary>Why somebody else ended it; null where nobody did.</summary>
    public EndReason? Reason
    {
        get
        {
            lock (gate)
            {
                return reason;
            }
        }
    }

    /// <summary>Cancelled when it was told to go.</summary>
    public CancellationToken Ending => ending.Token;

    /// <summary>Completes when the work goes on without a trainer that stands still, which is looked into beside it.</summary>
    public Task GivenUp => givenUp.Task;

    /// <summary>The one in reserve, or a fresh one.</summary>
    /// <param name="kind">What it finds in its environment.</param>
    /// <param name="secret">By which a fresh one dials.</param>
    /// <param name="attach">Serves one from the reserve, which has dialled.</param>
    public TrainerProcess Begin(IReadOnlyDictionary<string, string> kind, string secret, AttachTrainer attach)
    {
        environment = kind;
        var begun = spares.Take(kind)?.GiveTo(attach, log) ?? TrainerProcess.Start(socket, secret, kind, spare: false, log);
        bool isUnwanted;
        lock (gate)
        {
            process = begun;
            isUnwanted = reason is not null;
        }

        if (isUnwanted)
        {
            begun.Kill();
        }

        return begun;
    }

    /// <summary>Gives up a trainer that stands still, and kills it once what its threads were doing stands in the run's log; the others do not wait for that.</summary>
    public void GiveUp(EndReason why, string how)
    {
        lock (gate)
        {
            if (reason is null && process is { } still)
            {
                reason = why;
                look = Task.Run(() => LookIntoAsync(still, how));
                talk.Mute();
                givenUp.SetResult();
            }
        }
    }

    /// <summary>Ends it at once.</summary>
    /// <returns>False where it is not ours any more.</returns>
    public bool Kill(EndReason why)
    {
        TrainerProcess? begun;
        lock (gate)
        {
            reason ??= why;
            if (rests)
            {
                return false;
            }

            begun = process;
        }

        if (why is EndReason.Shutdown)
        {
            lookEnd.Cancel();
        }

        // Not before the process is there: Begin sees the reason once it is. Nor under the eyes of who kills it afterwards.
        if (look.IsCompleted)
        {
            begun?.Kill();
        }

        ending.Cancel();
        return true;
    }

    /// <summary>After its last word: completes when the process is gone, or in reserve.</summary>
    public async Task EndAsync()
    {
        if (process is null)
        {
            return;
        }

        await look.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // It is flushing its spans; one that does not come to an end is helped.
        var deadline = Task.Delay(ExitDeadline, time);
        if (await Task.WhenAny(process.Exited, talk.Idle, deadline) == talk.Idle)
        {
            await Task.WhenAny(process.Exited, process.Silence, deadline);
            if (LetRest(process))
            {
                return;
            }
        }

        if (await Task.WhenAny(process.Exited, deadline) != process.Exited)
        {
            process.Kill();
        }

        await process.Exited;
        process.Dispose();
    }

    /// <summary>Answers a trainer that could take another task: it waits for one in reserve, or ends.</summary>
    private bool LetRest(TrainerProcess idle)
    {
        string? secret = null;
        lock (gate)
        {
            // Who was told to kill it does so.
            if (reason is null && idle.Silence.IsCompleted)
            {
                secret = spares.TakeBack(idle, environment);
            }

            rests = secret is not null;
        }

        talk.Say(new TrainerCommand { Rest = new RestTrainer { Secret = secret ?? "" } });
        return secret is not null;
    }

    private async Task LookIntoAsync(TrainerProcess still, string how)
    {
        try
        {
            log($"{how}; the trainer's threads:");
            await StacksReader.ReadAsync(still.Pid, log, lookEnd.Token);
        }
        finally
        {
            still.Kill();
        }
    }
}
