using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Store;
using Orchestrator.Worker.Agent.Tasks;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Simulation.Tests;

/// <summary>A trainer's life as its agent sees it: the course of AgentTask and CheckpointUploads.</summary>
internal sealed class SimulatedTask
{
    private readonly Simulation simulation;
    private readonly ProgressClock clock;
    private readonly Pipe fromTrainer;
    private readonly Pipe toTrainer;
    private readonly Queue<Action<SimulatedTrainer>> commands = new();
    private readonly TaskCompletionSource<Report> terminal = new();
    private readonly TaskCompletionSource exited = new();
    private readonly TaskCompletionSource ending = new();
    private readonly TaskCompletionSource uploadsEnd = new();
    private Task uploads = System.Threading.Tasks.Task.CompletedTask;
    private SimulatedTrainer? trainer;
    private EndReason? reason;
    private string peerAddress = "";
    private int begun;
    private bool ended;

    public SimulatedTask(Simulation simulation, SimulatedAgent agent, AssignTask assignment)
    {
        (this.simulation, Agent, Assignment) = (simulation, agent, assignment);
        Key = TaskKey.Of(assignment);
        fromTrainer = new Pipe(simulation.World, simulation.Network, agent.Host, agent.Host);
        toTrainer = new Pipe(simulation.World, simulation.Network, agent.Host, agent.Host);
        clock = new ProgressClock(Key, new VirtualTime(simulation.World));
    }

    public SimulatedAgent Agent { get; }

    public AssignTask Assignment { get; }

    public TaskKey Key { get; }

    public SimulatedTrainer? Trainer => trainer;

    public Task Ended { get; private set; } = System.Threading.Tasks.Task.CompletedTask;

    public bool Dying => ending.Task.IsCompleted && !Ended.IsCompleted;

    private VirtualWorld World => simulation.World;

    public void Start(Task after)
    {
        Ended = RunAsync(after);
        World.Watch(Ended);
    }

    public RunningTask Running() => new()
    {
        Run = Key.Run,
        Generation = Key.Generation,
        Rank = Key.Rank,
        Pid = trainer?.Pid ?? 0,
        State = ended ? "ended" : begun > 0 ? "training" : peerAddress.Length > 0 ? "ready" : "starting",
        PeerAddress = peerAddress,
        BegunGeneration = begun,
    };

    public TaskProgress Progress()
    {
        // The process says the last word again five times a second, as long as it is not frozen.
        if (trainer is { Process.IsWell: true, Progress: { } last })
        {
            var said = last.Clone();
            said.Unheard = trainer.Unheard;
            clock.Heard(said);
        }

        var now = clock.Read();
        now.BegunGeneration = begun;
        return now;
    }

    public void Begin(BeginGeneration begin)
    {
        if (begin.Generation > begun)
        {
            begun = begin.Generation;
            Command(to => to.Take(begin));
        }
    }

    public void LookAtLife()
    {
        if (trainer is not null && !ended && !Dying && Progress().SilentMilliseconds > AgentTask.FrozenAfter.TotalMilliseconds)
        {
            Kill(EndReason.Frozen);
        }
    }

    public void Leave(bool alone) => Command(to => to.TakeLeave(alone));

    public void StopGracefully() => Command(to => to.TakeStop());

    public void Kill(EndReason why)
    {
        if (trainer is { Process.IsAlive: true } running)
        {
            simulation.Witness.Ends(running, why);
        }

        reason ??= why;
        trainer?.Process.Kill();
        ending.TrySetResult();
        World.After(why is EndReason.Preempted or EndReason.Frozen ? AgentTask.UploadGrace : TimeSpan.Zero, Agent.Process, () => uploadsEnd.TrySetResult());
    }

    /// <summary>From the trainer, over the socket of this machine.</summary>
    public void Hear(SimulatedTrainer from, Report report) => FromTrainer(() =>
    {
        if (report.ReportCase is Report.ReportOneofCase.Ended or Report.ReportOneofCase.Failed)
        {
            clock.Heard();
            ended = true;
            terminal.TrySetResult(report);
            return;
        }

        clock.Reported(report.Ready is null ? "training" : Assignment.EvaluateTest ? "evaluating" : "waiting");
        peerAddress = report.Ready?.PeerAddress ?? peerAddress;
        Append(report);
    });

    public void Hear(SimulatedTrainer from, TaskProgress progress)
    {
        // Its agent hears the last word of a while only.
        if (from.Process.IsWell)
        {
            FromTrainer(() => clock.Heard(progress));
        }
    }

    public void Hear(SimulatedTrainer from, CheckpointImage image) => FromTrainer(() => uploads = UploadAsync(uploads, image));

    /// <summary>The agent is gone: the pipe to the trainer ends, and it with it once it runs.</summary>
    public void Orphan()
    {
        if (trainer is { } orphan)
        {
            orphan.Process.Do(orphan.Process.Kill);
        }
    }

    private void FromTrainer(Action action) => fromTrainer.Send(() => Agent.Process.Do(action));

    private void Command(Action<SimulatedTrainer> command)
    {
        commands.Enqueue(command);
        Flush();
    }

    private void Flush()
    {
        while (trainer is { } to && commands.TryDequeue(out var command))
        {
            toTrainer.Send(() => to.Process.Do(() => command(to)));
        }
    }

    private void Append(Report report)
    {
        (report.Run, report.Generation, report.Rank) = (Key.Run, Key.Generation, Key.Rank);
        simulation.Witness.Said(Key, report);
        Agent.Append(report);
    }

    private async Task RunAsync(Task after)
    {
        Report end;
        try
        {
            end = await TrainAsync(after);
        }
        catch (FetchException fetch)
        {
            end = new Report { Failed = new TaskFailed { Kind = fetch.Kind, Message = fetch.Message, SuspectRank = -1 } };
        }

        ended = true;
        await System.Threading.Tasks.Task.WhenAny(uploads, uploadsEnd.Task);
        if (LastWord.Of(reason, end, clock.Read()) is { } word)
        {
            Append(word);
        }

        if (trainer is not null)
        {
            await exited.Task;
        }

        Agent.Forget(this);
    }

    private async Task<Report> TrainAsync(Task after)
    {
        if (await System.Threading.Tasks.Task.WhenAny(after, ending.Task) == ending.Task)
        {
            return Lost("ended before it began");
        }

        var from = await PrepareAsync();
        await World.Delay(Agent.Process, World.Between(10, 100));
        if (ending.Task.IsCompleted)
        {
            return Lost("ended before it began");
        }

        trainer = simulation.Spawn(this, from);
        trainer.Process.OnDeath(() => World.After(World.Between(1, 20), Agent.Process, () => exited.TrySetResult()));
        clock.Started(trainer.Pid);
        trainer.Start();
        Flush();
        if (await System.Threading.Tasks.Task.WhenAny(exited.Task, terminal.Task) == terminal.Task)
        {
            return await terminal.Task;
        }

        return terminal.Task.IsCompleted ? await terminal.Task : new Report { Failed = ExitVerdict.Of(137, null, "") };
    }

    private static Report Lost(string why) => new() { Failed = new TaskFailed { Kind = "lost", Message = why, SuspectRank = -1 } };

    private async Task<CheckpointImage?> PrepareAsync()
    {
        var id = Assignment.Checkpoint;
        return id.Length == 0
            ? null
            : await RetryAsync(
                coordinator => System.Threading.Tasks.Task.FromResult(simulation.Store.Find(id) ?? throw new RpcException(new Status(StatusCode.NotFound, "no such checkpoint"))),
                ending.Task,
                refusal => new FetchException("corrupt", $"checkpoint {id} can't be had: {refusal.Status.Detail}"));
    }

    private async Task UploadAsync(Task before, CheckpointImage image)
    {
        await before;
        var header = new PutCheckpointHeader { Id = image.Id, Run = Key.Run, Generation = Key.Generation, Rank = Key.Rank };
        try
        {
            var stored = await RetryAsync(coordinator => coordinator.PutAsync(header, image), uploadsEnd.Task, refusal => refusal);
            if (stored is null)
            {
                return;
            }

            var written = new CheckpointWritten
            {
                Checkpoint = image.Id,
                Step = image.Manifest.Step,
                Epoch = image.Manifest.Epoch,
                Bytes = 1,
                ModelSha256 = Arithmetic.HashOf(image.Weights),
                Uri = stored.Uri,
            };
            written.Metrics.Add(image.Manifest.Metrics);
            var said = new Report { Checkpoint = written };
            Append(said);
            Agent.Spool.Acknowledged(said, Settle);
        }
        catch (RpcException)
        {
            // A generation that is over: the run goes on without this one.
            Settle();
        }
    }

    private void Settle() => Command(to => to.Settle());

    /// <summary>Asks the coordinator for as long as it is away, by the agent's own idea of what is worth another try; null once nobody wants it any more.</summary>
    private async Task<T?> RetryAsync<T>(Func<SimulatedCoordinator, Task<T>> call, Task over, Func<RpcException, Exception> refused)
        where T : class
    {
        while (!over.IsCompleted)
        {
            try
            {
                var answer = simulation.CallAsync(Agent, call);
                return await System.Threading.Tasks.Task.WhenAny(answer, over) == answer ? await answer : null;
            }
            catch (RpcException refusal) when (!Retries.IsTransient(refusal))
            {
                throw refused(refusal);
            }
            catch (RpcException)
            {
                await World.Delay(Agent.Process, World.Between(100, 2000));
            }
        }

        return null;
    }
}
