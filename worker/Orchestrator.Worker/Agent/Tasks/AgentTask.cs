using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading.Channels;
using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Store;
using Orchestrator.Worker.Agent.Trainers;
using Orchestrator.Worker.Seeing;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>A trainer's life on this machine: fetch what it needs, start its trainer, pass its words on, and say how it ended.</summary>
internal sealed partial class AgentTask
{
    internal static readonly TimeSpan UploadGrace = TimeSpan.FromSeconds(5);
    internal static readonly TimeSpan FrozenAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Youth = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWordsDeadline = TimeSpan.FromSeconds(2);

    private readonly AgentContext context;
    private readonly AssignTask assignment;
    private readonly ILogger log;
    private readonly string folder;
    private readonly Channel<Report?> reported = Channel.CreateBounded<Report?>(64);
    private readonly CancellationTokenSource uploadsEnd = new();
    private readonly ProgressClock progress;
    private readonly long began;
    private readonly TrainerTalk talk;
    private readonly TrainerLease trainer;
    private readonly CheckpointUploads uploads;
    private readonly Activity? span;
    private TrainTask? train;
    private volatile TrainerMemory? memory;
    private volatile bool ended;

    private AgentTask(AgentContext context, AssignTask assignment)
    {
        (this.context, this.assignment) = (context, assignment);
        Key = TaskKey.Of(assignment);
        log = context.LoggerFactory.CreateLogger<AgentTask>();
        folder = Path.Combine(context.Directory.Tasks, $"{assignment.Run}-{assignment.Generation}-{assignment.Rank}-{RandomNumberGenerator.GetHexString(4, lowercase: true)}");
        began = context.Time.GetTimestamp();
        progress = new ProgressClock(Key, context.Time);
        span = AgentSpans.StartTask(assignment);
        uploads = new CheckpointUploads(Key, context.Checkpoints, AppendAsync, reported.Writer.WriteAsync, Log, log, uploadsEnd.Token);
        talk = new TrainerTalk(assignment.EvaluateTest, progress, context.Urgent, AppendAsync, uploads.AddAsync);
        trainer = new TrainerLease(context.Spares, context.Directory.SocketPath, talk, Log, context.Time);
        Ended = Task.CompletedTask;
    }

    /// <param name="after">Completes when the slot is free.</param>
    public static AgentTask Start(AgentContext context, AssignTask assignment, Task after)
    {
        var task = new AgentTask(context, assignment);
        task.Ended = Task.Run(() => task.RunAsync(after));
        return task;
    }

    public TaskKey Key { get; }

    public int Slot => assignment.Slot;

    /// <summary>Its process was told to go, and holds its device until it has.</summary>
    public bool Dying => trainer.Ending.IsCancellationRequested && !Ended.IsCompleted;

    public bool EvaluatesTest => assignment.EvaluateTest;

    /// <summary>Its trainer loads, or has just begun: it may need all of the machine, or be done before another one could be of use.</summary>
    public bool IsYoung => !HasEnded && (talk.PeerAddress.Length == 0 || context.Time.GetElapsedTime(began) < Youth);

    /// <summary>Names a trainer at the socket that is started for this task.</summary>
    public string Secret { get; } = RandomNumberGenerator.GetHexString(64, lowercase: true);

    /// <summary>Completes when the process is gone and its end is in the spool; never fails.</summary>
    public Task Ended { get; private set; }

    /// <summary>Completes when another may have its slot. Where a trainer is looked into before it is killed, only a GPU's memory is waited for.</summary>
    public Task Vacated => Device == SlotDevices.Cpu ? Task.WhenAny(Ended, trainer.GivenUp) : Ended;

    public RunningTask Running() => new()
    {
        Run = Key.Run,
        Generation = Key.Generation,
        Rank = Key.Rank,
        Pid = trainer.Pid ?? 0,
        State = HasEnded ? "ended" : talk.Begun > 0 ? "training" : talk.PeerAddress.Length > 0 ? "ready" : "starting",
        PeerAddress = talk.PeerAddress,
        BegunGeneration = talk.Begun,
    };

    public TaskProgress Progress()
    {
        var now = progress.Read();
        now.BegunGeneration = talk.Begun;
        return now;
    }

    /// <summary>Once a second.</summary>
    public void LookAtMemory() => memory?.Look();

    public void Begin(BeginGeneration begin) => talk.Begin(begin);

    /// <summary>Ends a process that is frozen; only while this agent itself has been on time for as long.</summary>
    public void LookAtLife()
    {
        if (trainer.Pid is not null && !HasEnded && !Dying && progress.Read().SilentMilliseconds > FrozenAfter.TotalMilliseconds)
        {
            EndStill(EndReason.Frozen, $"no sign of life for {FrozenAfter.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc cref="TrainerLease.GiveUp"/>
    public void EndStill(EndReason why, string how)
    {
        trainer.GiveUp(why, how);
        Kill(why);
    }

    /// <summary>Finish the epoch, write a checkpoint, end.</summary>
    public void StopGracefully(StopTask stop) => talk.Say(new TrainerCommand { Stop = stop });

    /// <summary>Write what there is into a checkpoint, and end: once all peers are told so, or alone.</summary>
    public void Leave(bool alone) => talk.Say(new TrainerCommand { Leave = new LeaveTask { Alone = alone } });

    /// <summary>Ends the trainer at once; the first reason counts.</summary>
    public void Kill(EndReason why)
    {
        if (trainer.Kill(why))
        {
            uploadsEnd.CancelAfter(why is EndReason.Preempted or EndReason.Frozen ? UploadGrace : TimeSpan.Zero);
        }
    }

    /// <inheritdoc cref="TrainerTalk.AttachAsync"/>
    public Task AttachAsync(IAsyncEnumerable<TrainerMessage> messages, Func<TrainerCommand, Task> send, CancellationToken cancellationToken) =>
        train is null ? Task.CompletedTask : talk.AttachAsync(train, messages, send, cancellationToken);

    private bool HasEnded => ended || talk.LastWord.IsCompleted;

    private void Log(string line) => context.Logs.Add(Key, line);

    private Task AppendAsync(Report report, CancellationToken cancellationToken)
    {
        (report.Run, report.Generation, report.Rank) = (Key.Run, Key.Generation, Key.Rank);
        return context.Spool.AppendAsync(report, cancellationToken);
    }

    /// <summary>Tells the trainer of each of its checkpoints once the coordinator has journalled it, or it was refused.</summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        await foreach (var report in reported.Reader.ReadAllAsync(cancellationToken))
        {
            if (report is not null)
            {
                await context.Spool.AcknowledgedAsync(report, cancellationToken);
            }

            talk.Say(new TrainerCommand { Settled = new CheckpointSettled { Checkpoint = report?.Checkpoint.Checkpoint ?? "" } });
        }
    }

    private async Task RunAsync(Task after)
    {
        Activity.Current = span;
        using var over = new CancellationTokenSource();
        var settling = SettleAsync(over.Token);
        Report? end;
        try
        {
            end = await TrainAsync(after);
        }
        catch (Exception failure)
        {
            end = new Report { Failed = Failure(failure) };
        }

        ended = true;
        uploads.Complete();
        if (end.Ended is not null || !talk.HasPeers)
        {
            // Checkpoints first: whoever hears of the end may want the last of them. Peers that wait for the word have the state themselves.
            await uploads.Done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        end = LastWord.Of(trainer.Reason, end, progress.Read());
        if (end is not null)
        {
            await AppendAsync(end, CancellationToken.None);
            LogEnded(log, Key, end.Failed is { } failed ? $"{failed.Kind}: {failed.Message}" : "done");
        }

        await uploads.Done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        span?.SetStatus(end?.Failed is null ? ActivityStatusCode.Ok : ActivityStatusCode.Error, end?.Failed?.Message);
        span?.Dispose();
        await trainer.EndAsync();
        await over.CancelAsync();
        await settling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        AgentDirectory.DeleteFolder(folder);
    }

    private async Task<Report> TrainAsync(Task after)
    {
        await after.WaitAsync(trainer.Ending);
        var training = RunSpec.FromJson(assignment.Spec).Training;
        train = await new TaskPreparation(context, assignment, Device, folder, span?.Id).PrepareAsync(trainer.Ending);
        trainer.Ending.ThrowIfCancellationRequested();
        var process = trainer.Begin(TrainerEnvironment.Create(context.Options, training), Secret, AttachAsync);
        memory = new TrainerMemory(process.Pid);
        progress.Started(process.Pid);
        LogStarted(log, Key, process.Pid);

        var first = await Task.WhenAny(process.Exited, talk.LastWord, trainer.GivenUp);
        if (first == talk.LastWord)
        {
            return await talk.LastWord;
        }

        if (first == trainer.GivenUp)
        {
            return new Report { Failed = new TaskFailed { Kind = "hung", Message = "the trainer stands still", SuspectRank = -1 } };
        }

        var exitCode = await process.Exited;
        var verdict = memory.Verdict();
        // What it said with its last breath may still be in the socket.
        if (talk.IsAttached)
        {
            await Task.WhenAny(talk.Over, talk.LastWord, Task.Delay(LastWordsDeadline, context.Time));
        }

        return talk.LastWord.IsCompleted ? await talk.LastWord : new Report { Failed = ExitVerdict.Of(exitCode, verdict, process.Tail) };
    }

    private string? Device => assignment.Slot >= 0 && assignment.Slot < context.Options.Devices.Count ? context.Options.Devices[assignment.Slot] : null;

    private static TaskFailed Failure(Exception failure) => failure switch
    {
        IOException full when DiskSpace.IsFull(full) => new TaskFailed { Kind = "lost", Message = $"the trainer can't be started: {full.Message.TrimEnd('.')}; free some space on this machine", SuspectRank = -1 },
        FetchException fetch => new TaskFailed { Kind = fetch.Kind, Message = fetch.Message, SuspectRank = -1 },
        JsonException => new TaskFailed { Kind = "user", Message = $"the run's spec can't be read: {failure.Message}", SuspectRank = -1 },
        _ => new TaskFailed { Kind = "lost", Message = $"the trainer could not be started: {failure.Message}", Detail = failure.ToString(), SuspectRank = -1 },
    };

    [LoggerMessage(LogLevel.Information, "{task} runs as process {pid}")]
    private static partial void LogStarted(ILogger logger, TaskKey task, int pid);

    [LoggerMessage(LogLevel.Information, "{task} ended: {how}")]
    private static partial void LogEnded(ILogger logger, TaskKey task, string how);
}
