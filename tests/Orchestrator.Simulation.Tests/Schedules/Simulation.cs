using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Worker.Agent;
using Orchestrator.Worker.Agent.Session;

namespace Orchestrator.Simulation.Tests;

/// <summary>A cluster, a run on it, and what is done to them.</summary>
internal sealed class Simulation
{
    public const string Run = "r";

    /// <summary>Once nothing is disturbed any more, a run has so long to come to its end. Every patience of the product fits in, one after the other.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(300);

    /// <summary>For the last processes to go.</summary>
    private static readonly TimeSpan Tidying = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan KeepAlive = CoordinatorChannel.PingDelay + CoordinatorChannel.PingTimeout;

    private readonly Schedule schedule;
    private readonly DataDirectory directory;
    private readonly MemoryJournal journal;
    private readonly Dictionary<string, (int Slots, Spool Spool)> folders = new(StringComparer.Ordinal);
    private readonly List<SimulatedAgent> agents = [];
    private readonly Dictionary<string, SimulatedSession> sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> disturbed = new(StringComparer.Ordinal);
    private SimulatedCoordinator? coordinator;
    private int lives;
    private int pids = 1000;

    private Simulation(Schedule schedule, DataDirectory directory)
    {
        (this.schedule, this.directory) = (schedule, directory);
        World = new VirtualWorld(schedule.Seed);
        Network = new Network(World);
        journal = new MemoryJournal(World);
        Witness = new Witness(this);
    }

    public VirtualWorld World { get; }

    public Network Network { get; }

    public Witness Witness { get; }

    public MemoryStore Store { get; } = new();

    public Settings Settings => schedule.Settings;

    public List<SimulatedTrainer> Trainers { get; } = [];

    /// <summary>Plays it to its end, or to the first broken promise.</summary>
    public static VirtualWorld Play(Schedule schedule, DataDirectory directory)
    {
        var simulation = new Simulation(schedule, directory);
        simulation.Play();
        simulation.coordinator?.Process.Kill();
        return simulation.World;
    }

    public SimulatedSession? Dial(SimulatedAgent agent) => coordinator is { Process.IsAlive: true } up && !Network.IsCutEitherWay(agent.Host, SimulatedCoordinator.Host)
        ? sessions[agent.Id] = new SimulatedSession(World, Network, agent, up)
        : null;

    /// <summary>A unary call; a coordinator that is away or goes away is unavailable.</summary>
    public Task<T> CallAsync<T>(SimulatedAgent agent, Func<SimulatedCoordinator, Task<T>> call)
    {
        var answer = new TaskCompletionSource<T>();
        var down = new Pipe(World, Network, SimulatedCoordinator.Host, agent.Host);
        var up = coordinator;
        if (up is null || Network.IsCutEitherWay(agent.Host, SimulatedCoordinator.Host))
        {
            Answer(() => answer.TrySetException(new RpcException(new Status(StatusCode.Unavailable, "connection refused"))));
            return answer.Task;
        }

        up.Process.OnDeath(() => Answer(() => answer.TrySetException(new RpcException(new Status(StatusCode.Unavailable, "connection reset")))));
        new Pipe(World, Network, agent.Host, SimulatedCoordinator.Host).Send(() => up.Process.Do(() => World.Watch(ServeAsync())));
        return answer.Task;

        void Answer(Action action) => down.Send(() => agent.Process.Do(action));

        async Task ServeAsync()
        {
            try
            {
                var result = await call(up);
                Answer(() => answer.TrySetResult(result));
            }
            catch (UserException refusal)
            {
                Answer(() => answer.TrySetException(new RpcException(new Status(refusal.Status, refusal.Message))));
            }
            catch (RpcException refusal)
            {
                Answer(() => answer.TrySetException(refusal));
            }
        }
    }

    public SimulatedTrainer Spawn(SimulatedTask task, CheckpointImage? from)
    {
        var trainer = new SimulatedTrainer(this, task, ++pids, from) { IsUntouched = disturbed.GetValueOrDefault(task.Agent.Id) == 0 };
        World.Say($"{trainer.Name} starts on {task.Agent.Id}:{task.Assignment.Slot}");
        Trainers.Add(trainer);
        return trainer;
    }

    private void Play()
    {
        StartCoordinator();
        coordinator!.Do(Run, at => new RunCommand.Request(
            Run,
            new RunPlan(Run, Settings.Min, Settings.Max, Arithmetic.Shards, Arithmetic.Epochs, Arithmetic.Steps, new Retention(1, 1, "val_loss", false), new Specs.FailureBudgets { Lost = 1000, Hung = 1000 }),
            "{}", "", Settings.IsTrial ? new TrialKey("s", 1, 1) : null, "", "", at));
        foreach (var slots in Settings.Slots)
        {
            StartAgent(NewFolder(slots));
        }

        foreach (var fault in schedule.Faults)
        {
            World.After(TimeSpan.FromSeconds(fault.At), () => Do(fault));
        }

        World.Run(() => IsOver, TimeSpan.FromSeconds(schedule.Quiet) + Patience);
        if (World.Violation is null && !IsOver)
        {
            World.Violate(new Violation($"nothing is disturbed since {schedule.Quiet:0.0} s, and the run does not come to its end: {Witness.State.Phase} at step {Witness.State.Step}"));
        }

        var limit = TimeSpan.FromSeconds(Math.Max(schedule.Quiet, World.Elapsed.TotalSeconds)) + Tidying;
        World.Run(() => IsTidy, limit);
        if (World.Violation is null && !IsTidy)
        {
            World.Violate(new Violation($"the run has ended, and there are still trainers ({string.Join(' ', Trainers.Where(trainer => trainer.Process.IsAlive).Select(trainer => trainer.Name))}) or slots that are not free"));
        }
    }

    private bool IsOver => Witness.State is { Outcome: not null, Phase: RunPhase.Idle };

    private bool IsTidy => World.Elapsed.TotalSeconds > schedule.Quiet && Trainers.TrueForAll(trainer => !trainer.Process.IsAlive)
        && coordinator is { } up && up.Agents.Slots() is var (free, all) && free.Count == all.Count && all.Count > 0;

    private void StartCoordinator()
    {
        coordinator = new SimulatedCoordinator(World, journal, Store, directory, Witness, ++lives);
        coordinator.Start();
        // What the one before wrote, and did not live to act on.
        foreach (var row in journal.Read("run", Run).Skip(Witness.Seen).ToArray())
        {
            var happened = EventStore<RunState, RunEvent>.Read(row);
            Witness.Happened(Witness.State, happened, RunEvolution.Apply(Witness.State, happened));
            coordinator.Forget(happened);
        }
    }

    private string NewFolder(int slots)
    {
        var id = $"agent{folders.Count}";
        folders[id] = (slots, new Spool());
        return id;
    }

    private void StartAgent(string id)
    {
        // A machine that stood still has come back with it.
        Network.Start(id);
        var agent = new SimulatedAgent(this, id, folders[id].Slots, folders[id].Spool.Inherit(), ++pids);
        World.Say($"{id} starts");
        agents.RemoveAll(before => before.Id == id);
        agents.Add(agent);
        agent.Start();
    }

    private void Do(Fault fault)
    {
        var over = TimeSpan.FromSeconds(fault.Seconds);
        var living = agents.FindAll(agent => agent.Process.IsAlive && !agent.IsLeaving);
        var agent = living.Count > 0 ? living[fault.Which % living.Count] : null;
        World.Say($"FAULT {fault}");
        switch (fault.Kind)
        {
            case FaultKind.KillTrainer when Trainers.FindAll(trainer => trainer.Process.IsAlive) is { Count: > 0 } trainers:
                var victim = trainers[fault.Which % trainers.Count];
                World.Say($"{victim.Name} is killed");
                victim.IsUntouched = false;
                victim.Process.Kill();
                break;
            case FaultKind.FreezeTrainer when Trainers.FindAll(trainer => trainer.Process.IsAlive) is { Count: > 0 } trainers:
                var frozen = trainers[fault.Which % trainers.Count];
                World.Say($"{frozen.Name} freezes");
                frozen.IsUntouched = false;
                Freeze(frozen.Process, over);
                break;
            case FaultKind.KillInExchange or FaultKind.FreezeInExchange when Trainers.FindAll(trainer => trainer.Process.IsWell) is { Count: > 0 } trainers:
                var sender = trainers[fault.Which % trainers.Count];
                sender.IsUntouched = false;
                sender.Words = fault.Other % 16;
                sender.Silenced = () =>
                {
                    World.Say($"{sender.Name} {fault.Kind}");
                    if (fault.Kind is FaultKind.KillInExchange)
                    {
                        sender.Process.Kill();
                    }
                    else
                    {
                        Freeze(sender.Process, over);
                    }
                };
                break;
            case FaultKind.FreezeCoordinator when coordinator is { Process.IsFrozen: false }:
                Freeze(coordinator.Process, over);
                break;
            case FaultKind.KillAgent when agent is not null:
                Disturb(agent.Id, over);
                agent.Process.Kill();
                World.After(over, () => StartAgent(agent.Id));
                break;
            case FaultKind.FreezeAgent when agent is not null:
                Disturb(agent.Id, over);
                Freeze(agent.Process, over);
                break;
            case FaultKind.FreezeHost when agent is not null:
                Disturb(agent.Id, over);
                Freeze(agent.Process, over);
                if (fault.How == 0)
                {
                    Network.Stop(agent.Host);
                    World.After(over, () => Network.Start(agent.Host));
                }

                foreach (var trainer in Trainers.Where(trainer => trainer.Process.IsAlive && trainer.Host == agent.Host))
                {
                    Freeze(trainer.Process, over);
                }

                break;
            case FaultKind.LoseHost when agent is not null:
                Disturb(agent.Id, over);
                foreach (var other in agents.Select(each => each.Host).Append(SimulatedCoordinator.Host).Where(other => other != agent.Host))
                {
                    Cut(agent.Host, other, 2, over);
                }

                agent.Process.Kill();
                foreach (var trainer in Trainers.Where(trainer => trainer.Process.IsAlive && trainer.Host == agent.Host))
                {
                    trainer.Process.Kill();
                }

                World.After(over, () => StartAgent(agent.Id));
                break;
            case FaultKind.RestartCoordinator when coordinator is not null:
                coordinator.Process.Kill();
                coordinator = null;
                World.After(over, StartCoordinator);
                break;
            case FaultKind.BreakSession when agent is not null && sessions.TryGetValue(agent.Id, out var session):
                session.Break();
                break;
            case FaultKind.CutFromCoordinator when agent is not null:
                Disturb(agent.Id, over);
                Cut(agent.Host, SimulatedCoordinator.Host, fault.How, over);
                // Pings over the connection find out.
                if (over > KeepAlive && sessions.TryGetValue(agent.Id, out var silent))
                {
                    World.After(KeepAlive, agent.Process, () =>
                    {
                        silent.CloseByAgent();
                        agent.Ended(silent);
                    });
                }

                break;
            case FaultKind.CutHosts when living.Count > 1:
                var far = living[(fault.Which + 1 + (fault.Other % (living.Count - 1))) % living.Count];
                Disturb(agent!.Id, over);
                Disturb(far.Id, over);
                Cut(agent.Host, far.Host, fault.How, over);
                break;
            case FaultKind.Drain when agent is not null:
                Disturb(agent.Id, over);
                agent.Drain(fault.How switch { 0 => AgentOptions.DefaultDrainPatience, 1 => TimeSpan.FromSeconds(0.5), _ => TimeSpan.FromSeconds(3) });
                World.After(over, () => StartAgent(NewFolder(agent.Slots)));
                break;
            case FaultKind.Join:
                StartAgent(NewFolder(1 + (fault.Other % 2)));
                break;
            case FaultKind.Slow when Trainers.FindAll(trainer => trainer.Process.IsAlive) is { Count: > 0 } trainers:
                var slow = trainers[fault.Which % trainers.Count];
                slow.Slowness = 4;
                World.After(over, () => slow.Slowness = 1);
                break;
            case FaultKind.JournalFails:
                journal.Next = fault.How == 0 ? MemoryJournal.Fault.Before : MemoryJournal.Fault.After;
                break;
            default:
                // There is nobody to do it to.
                break;
        }
    }

    private void Freeze(Process process, TimeSpan over)
    {
        process.Freeze();
        World.After(over, process.Thaw);
    }

    private void Cut(string left, string right, int how, TimeSpan over)
    {
        foreach (var (from, to) in how switch { 0 => [(left, right)], 1 => [(right, left)], _ => ((string, string)[])[(left, right), (right, left)] })
        {
            Network.Cut(from, to);
            World.After(over, () => Network.Heal(from, to));
        }
    }

    /// <summary>Whatever runs there, or begins to before it is over, has been touched.</summary>
    private void Disturb(string agent, TimeSpan over)
    {
        disturbed[agent] = disturbed.GetValueOrDefault(agent) + 1;
        World.After(over, () => disturbed[agent]--);
        foreach (var trainer in Trainers.Where(trainer => trainer.Host == agent))
        {
            trainer.IsUntouched = false;
        }
    }
}
