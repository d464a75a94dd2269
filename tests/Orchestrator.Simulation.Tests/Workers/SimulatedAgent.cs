using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;
using Orchestrator.Worker.Agent;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Tasks;
using Orchestrator.Worker.Agent.Trainers;
using TaskKey = Orchestrator.Worker.Agent.TaskKey;

namespace Orchestrator.Simulation.Tests;

/// <summary>What an agent finds in its folder when it starts again: reports that nobody has acknowledged.</summary>
internal sealed class Spool
{
    private readonly List<Report> waiting = [];
    private readonly List<(ulong Sequence, Action Then)> listeners = [];

    public ulong Last { get; private set; }

    public IReadOnlyList<Report> Waiting => waiting;

    public void Append(Report report)
    {
        report.Sequence = ++Last;
        waiting.Add(report);
    }

    /// <summary>Another life of the agent takes it up.</summary>
    public Spool Inherit()
    {
        waiting.ForEach(report => InheritedReport.Of(report));
        return this;
    }

    /// <summary>Once the coordinator has journalled it.</summary>
    public void Acknowledged(Report report, Action then) => listeners.Add((report.Sequence, then));

    public void Acknowledge(ulong sequence)
    {
        waiting.RemoveAll(report => report.Sequence <= sequence);
        Last = Math.Max(Last, sequence);
        var due = listeners.FindAll(listener => listener.Sequence <= sequence);
        listeners.RemoveAll(listener => listener.Sequence <= sequence);
        due.ForEach(listener => listener.Then());
    }
}

/// <summary>One life of an agent: the course of CoordinatorSession, TaskTable and AgentHost.</summary>
internal sealed class SimulatedAgent
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(AgentApi.HeartbeatSeconds);

    private readonly Simulation simulation;
    private readonly Spool spool;
    private readonly Dictionary<TaskKey, SimulatedTask> tasks = [];
    private readonly HashSet<(TaskKey Key, bool EvaluatesTest)> ended = [];
    private readonly int pid;
    private SimulatedSession? session;
    private bool registered;
    private bool closing;
    private bool saysDraining;
    private bool leaving;
    private long sentAt;
    private ulong heard;
    private string silences = "";

    public SimulatedAgent(Simulation simulation, string id, int slots, Spool spool, int pid)
    {
        (this.simulation, Id, Slots, this.spool, this.pid) = (simulation, id, slots, spool, pid);
        Process = new Process(simulation.World, $"{id}/{pid}");
        Process.OnDeath(Died);
    }

    public string Id { get; }

    public string Host => Id;

    public int Slots { get; }

    public Process Process { get; }

    public Spool Spool => spool;

    public IEnumerable<SimulatedTask> Tasks => tasks.Values;

    /// <summary>It ends, and comes back only as another.</summary>
    public bool IsLeaving => closing;

    private VirtualWorld World => simulation.World;

    public void Start() => Process.Do(() =>
    {
        Connect();
        Beat();
        LookAtLife(new Punctuality(AgentHost.LookInterval, AgentTask.FrozenAfter, new VirtualTime(World)));
    });

    /// <summary>SIGTERM.</summary>
    /// <param name="patience">As --drain-seconds.</param>
    public void Drain(TimeSpan patience) => Process.Do(() => World.Watch(DrainAsync(patience)));

    public void Append(Report report)
    {
        spool.Append(report);
        if (registered)
        {
            sentAt = World.Now;
            session!.Send(new AgentMessage { Report = report.Clone() });
        }
    }

    public void Forget(SimulatedTask task)
    {
        if (tasks.GetValueOrDefault(task.Key) == task)
        {
            tasks.Remove(task.Key);
        }

        ended.Add((task.Key, task.Assignment.EvaluateTest));
    }

    /// <summary>The session is over, whichever side ended it.</summary>
    public void Ended(SimulatedSession which) => Process.Do(() =>
    {
        if (which != session)
        {
            return;
        }

        session = null;
        registered = false;
        if (leaving)
        {
            Process.Kill();
            return;
        }

        World.After(World.Between(100, 300), Process, Connect);
    });

    public void Handle(SimulatedSession from, CoordinatorMessage message)
    {
        if (from != session)
        {
            return;
        }

        heard++;
        switch (message.MessageCase)
        {
            case CoordinatorMessage.MessageOneofCase.Registered:
                Registered(message.Registered);
                break;
            case CoordinatorMessage.MessageOneofCase.Assign:
                Assign(message.Assign);
                break;
            case CoordinatorMessage.MessageOneofCase.Begin:
                var named = TaskKey.Of(message.Begin.Task);
                tasks.GetValueOrDefault(named)?.Begin(message.Begin);
                break;
            case CoordinatorMessage.MessageOneofCase.Stop when message.Stop.Gracefully:
                tasks.GetValueOrDefault(TaskKey.Of(message.Stop.Task))?.StopGracefully();
                break;
            case CoordinatorMessage.MessageOneofCase.Stop:
                tasks.GetValueOrDefault(TaskKey.Of(message.Stop.Task))?.Kill(EndReason.Stopped);
                break;
            case CoordinatorMessage.MessageOneofCase.Acknowledge:
                spool.Acknowledge(message.Acknowledge.Sequence);
                break;
            case CoordinatorMessage.MessageOneofCase.Drain:
                Drain(AgentOptions.DefaultDrainPatience);
                break;
            default:
                throw new Violation($"{Id} hears {message.MessageCase}");
        }
    }

    private void Connect()
    {
        if (session is not null || (leaving && spool.Waiting.Count == 0))
        {
            return;
        }

        if (simulation.Dial(this) is not { } dialled)
        {
            World.After(World.Between(100, 1000), Process, Connect);
            return;
        }

        session = dialled;
        heard = 0;
        var register = new Register { AgentId = Id, Host = Host, Pid = pid, Version = "1", Advertise = Host };
        register.Devices.AddRange(Enumerable.Repeat("cpu", Slots));
        register.Tasks.AddRange(tasks.Values.Select(task => task.Running()));
        dialled.Send(new AgentMessage { Register = register });
        World.After(CoordinatorSession.RegisterDeadline, Process, () =>
        {
            if (session == dialled && !registered)
            {
                dialled.CloseByAgent();
                Ended(dialled);
            }
        });
    }

    private void Registered(Registered answer)
    {
        registered = true;
        spool.Acknowledge(answer.Acknowledged);
        foreach (var fenced in answer.Fenced)
        {
            tasks.GetValueOrDefault(TaskKey.Of(fenced))?.Kill(EndReason.Fenced);
        }

        SendHeartbeat();
        SendReports();
        if (saysDraining)
        {
            session!.Send(new AgentMessage { Draining = new AgentDraining() });
        }
    }

    private void Assign(AssignTask assignment)
    {
        var admission = Admission.Of(assignment, [.. tasks.Values.Select(task => (task.Key, task.Assignment.EvaluateTest))], ended.Contains);
        if (closing || !admission.Starts)
        {
            return;
        }

        foreach (var older in admission.Fenced)
        {
            tasks[older].Kill(EndReason.Fenced);
        }

        var onSlot = tasks.Values.Where(other => other.Assignment.Slot == assignment.Slot).ToArray();
        if (onSlot.Any(other => !other.Dying && !other.Running().State.Equals("ended", StringComparison.Ordinal)))
        {
            throw new Violation($"{Id} gets {TaskKey.Of(assignment)} on slot {assignment.Slot}, where {onSlot[0].Key} runs");
        }

        var task = new SimulatedTask(simulation, this, assignment);
        tasks[task.Key] = task;
        task.Start(Task.WhenAll(onSlot.Where(other => other.Dying).Select(other => other.Ended)));
    }

    private void Beat()
    {
        if (registered)
        {
            SendHeartbeat();
            if (spool.Waiting.Count > 0 && new TimeSpan(World.Now - sentAt) > CoordinatorSession.SendAgainAfter)
            {
                SendReports();
            }
        }

        World.After(Heartbeat, Process, Beat);
    }

    private void LookAtLife(Punctuality punctuality) => World.After(AgentHost.LookInterval, Process, () =>
    {
        if (punctuality.IsOnTime())
        {
            foreach (var task in tasks.Values.ToArray())
            {
                task.LookAtLife();
            }
        }

        TellOfSilence();
        LookAtLife(punctuality);
    });

    /// <summary>Whom its trainers do not hear is told at once.</summary>
    private void TellOfSilence()
    {
        var now = string.Join(' ', tasks.Values.Select(task => task.Progress().Unheard).OfType<UnheardPeers>());
        if (now != silences && registered)
        {
            silences = now;
            SendHeartbeat();
        }
    }

    private void SendHeartbeat()
    {
        var heartbeat = new AgentHeartbeat { Heard = heard };
        heartbeat.Tasks.AddRange(tasks.Values.Select(task => task.Progress()));
        session!.Send(new AgentMessage { Heartbeat = heartbeat });
    }

    private void SendReports()
    {
        sentAt = World.Now;
        foreach (var report in spool.Waiting)
        {
            session!.Send(new AgentMessage { Report = report.Clone() });
        }
    }

    private async Task DrainAsync(TimeSpan patience)
    {
        if (closing)
        {
            return;
        }

        closing = saysDraining = true;
        if (registered)
        {
            session!.Send(new AgentMessage { Draining = new AgentDraining() });
        }

        // The coordinator lets them hand over to others, and end.
        await Task.WhenAny(Task.WhenAll(tasks.Values.Select(task => task.Ended)), World.Delay(Process, patience));
        foreach (var (alone, time) in new[] { (false, AgentHost.LeavePatience), (true, AgentHost.LeaveDeadline) })
        {
            foreach (var task in tasks.Values.ToArray())
            {
                task.Leave(alone);
            }

            await Task.WhenAny(Task.WhenAll(tasks.Values.Select(task => task.Ended)), World.Delay(Process, time));
        }

        foreach (var task in tasks.Values.ToArray())
        {
            task.Kill(EndReason.Preempted);
        }

        await Task.WhenAny(Task.WhenAll(tasks.Values.Select(task => task.Ended)), World.Delay(Process, AgentHost.TrainersDeadline));
        leaving = true;
        World.After(AgentHost.DeliveryDeadline, Process, Process.Kill);
        LeaveOnceDelivered();
    }

    private void LeaveOnceDelivered()
    {
        if (registered && spool.Waiting.Count == 0)
        {
            session!.CompleteByAgent();
            return;
        }

        World.After(TimeSpan.FromMilliseconds(20), Process, LeaveOnceDelivered);
    }

    private void Died()
    {
        session?.CloseByAgent();
        foreach (var task in tasks.Values)
        {
            task.Orphan();
        }
    }
}
