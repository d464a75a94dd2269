using System.Threading.Channels;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>What is said between an agent and the trainer of one of its tasks, and what is known of the trainer by it.</summary>
/// <param name="progress">Hears when the trainer was heard of.</param>
/// <param name="urgent">Set where the coordinator should know at once.</param>
/// <param name="keep">Takes the trainer's reports but for its last word, to the spool.</param>
/// <param name="store">Takes the trainer's checkpoints, to the coordinator.</param>
internal sealed class TrainerTalk(
    bool evaluatesTest, ProgressClock progress, Pulse urgent, Func<Report, CancellationToken, Task> keep, Func<CheckpointReady, CancellationToken, ValueTask> store)
{
    // No word may be lost: when a coordinator comes back, all the checkpoints that waited for it are settled at once.
    private readonly Channel<TrainerCommand> commands = Channel.CreateUnbounded<TrainerCommand>();
    private readonly TaskCompletionSource<Report> lastWord = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int attached;
    private volatile string peerAddress = "";
    private volatile int begun;
    private volatile bool hasPeers;
    private volatile bool muted;

    /// <summary>Where it listens for its peers; empty while it does not compute yet.</summary>
    public string PeerAddress => peerAddress;

    /// <summary>The last generation that it was told to begin; 0 for none.</summary>
    public int Begun => begun;

    /// <summary>In that generation.</summary>
    public bool HasPeers => hasPeers;

    /// <summary>How it says that it ended.</summary>
    public Task<Report> LastWord => lastWord.Task;

    /// <summary>It could take another task, and waits for <see cref="RestTrainer"/>.</summary>
    public Task Idle => idle.Task;

    /// <summary>It has dialled.</summary>
    public bool IsAttached => Volatile.Read(ref attached) != 0;

    /// <summary>Completes with the connection.</summary>
    public Task Over => over.Task;

    /// <summary>From here on it counts as training: a coordinator that comes back need not ask whether the word arrived.</summary>
    public void Begin(BeginGeneration begin)
    {
        if (begin.Generation > begun && Say(new TrainerCommand { Begin = begin }))
        {
            begun = begin.Generation;
            hasPeers = begin.Peers.Count > 1;
        }
    }

    public bool Say(TrainerCommand command) => commands.Writer.TryWrite(command);

    /// <summary>It was given up: should it wake up again, it has nothing more to say.</summary>
    public void Mute() => muted = true;

    /// <summary>The trainer has dialled: its commands go to <paramref name="send"/>, its messages come from <paramref name="messages"/>, until it ends. Once; another one is not served.</summary>
    /// <param name="train">The first command.</param>
    public async Task AttachAsync(TrainTask train, IAsyncEnumerable<TrainerMessage> messages, Func<TrainerCommand, Task> send, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref attached, 1) != 0)
        {
            return;
        }

        using var detached = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sending = SendAsync(train, send, detached.Token);
        try
        {
            await foreach (var message in messages.WithCancellation(cancellationToken))
            {
                if (!muted)
                {
                    await HearAsync(message, cancellationToken);
                }
            }
        }
        finally
        {
            await detached.CancelAsync();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            over.TrySetResult();
        }
    }

    private async Task SendAsync(TrainTask train, Func<TrainerCommand, Task> send, CancellationToken cancellationToken)
    {
        await send(new TrainerCommand { Train = train });
        await foreach (var command in commands.Reader.ReadAllAsync(cancellationToken))
        {
            await send(command);
        }
    }

    private async Task HearAsync(TrainerMessage message, CancellationToken cancellationToken)
    {
        switch (message.MessageCase)
        {
            case TrainerMessage.MessageOneofCase.Progress:
                if (progress.Heard(message.Progress))
                {
                    urgent.Set();
                }

                break;
            case TrainerMessage.MessageOneofCase.Report when message.Report.ReportCase is Report.ReportOneofCase.Ended or Report.ReportOneofCase.Failed:
                progress.Heard();
                lastWord.TrySetResult(message.Report);
                break;
            case TrainerMessage.MessageOneofCase.Report:
                progress.Reported(PhaseOf(message.Report));
                peerAddress = message.Report.Ready?.PeerAddress ?? peerAddress;
                await HeldAsync(keep(message.Report, cancellationToken));
                break;
            case TrainerMessage.MessageOneofCase.Checkpoint:
                await HeldAsync(store(message.Checkpoint, cancellationToken).AsTask());
                break;
            case TrainerMessage.MessageOneofCase.Idle:
                idle.TrySetResult();
                break;
            case TrainerMessage.MessageOneofCase.Hello:
            case TrainerMessage.MessageOneofCase.None:
                break;
        }
    }

    private string PhaseOf(Report report) => report.ReportCase != Report.ReportOneofCase.Ready ? "training" : evaluatesTest ? "evaluating" : "waiting";

    // Where we keep the trainer waiting (a full spool, a full disk queue) its silence is not its own.
    private async Task HeldAsync(Task work)
    {
        progress.Hold(true);
        try
        {
            await work;
        }
        finally
        {
            progress.Heard();
            progress.Hold(false);
        }
    }
}
