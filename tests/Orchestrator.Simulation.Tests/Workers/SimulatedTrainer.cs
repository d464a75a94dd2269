using Orchestrator.Collectives;
using Orchestrator.Training;
using Orchestrator.V1;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// A trainer's process: the course of the real one (TrainerHost, GenerationLoop) with waiting where that blocks, and with its own deciding part: GenerationOrders. What it trains is
/// <see cref="SimulatedTraining"/>'s.
/// </summary>
internal sealed class SimulatedTrainer
{
    private readonly Simulation simulation;
    private readonly SimulatedTask task;
    private readonly SimulatedTraining training;
    private TaskCompletionSource news = new();
    private BeginGeneration? present;

    public SimulatedTrainer(Simulation simulation, SimulatedTask task, int pid, CheckpointImage? from)
    {
        (this.simulation, this.task) = (simulation, task);
        Name = $"{task.Assignment.Generation}.{task.Assignment.Rank}/{pid}";
        Pid = pid;
        Host = task.Agent.Host;
        Address = $"{Host}:{pid}";
        Process = new Process(World, Name);
        training = new SimulatedTraining(simulation, this, from);
    }

    public string Name { get; }

    public int Pid { get; }

    public string Host { get; }

    public string Address { get; }

    public Process Process { get; }

    public SimulatedTask Task => task;

    public bool HasState => training.HasState;

    public long Step => training.State.Step;

    public int Epoch => training.State.Epoch;

    public ulong Weights => training.Weights;

    /// <summary>Nothing that was done to the cluster concerns it: whatever becomes of the others, it goes on.</summary>
    public bool IsUntouched { get; set; } = true;

    /// <summary>The last generation in which it met the others.</summary>
    public int Met { get; private set; }

    /// <summary>How much longer than usual a step takes.</summary>
    public double Slowness { get; set; } = 1;

    /// <summary>It has said its last word.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Messages to its peers that it may still send; null for any number.</summary>
    public int? Words { get; set; }

    /// <summary>What happens instead of the next one.</summary>
    public Action Silenced { get; set; } = static () => { };

    public GenerationOrders Orders { get; } = new();

    public StopSignal Stop { get; } = new();

    public Mesh? Meeting { get; set; }

    public List<Hello> Knocks { get; } = [];

    public TaskProgress? Progress { get; private set; }

    /// <summary>Null where it hears all its peers.</summary>
    public UnheardPeers? Unheard
    {
        get
        {
            int[] ranks = present is { } order
                ? [.. Enumerable.Range(0, order.Peers.Count).Where(rank => simulation.Network.SilenceBetween(Host, order.Peers[rank].Split(':')[0]) > PeerHearing.Limit)]
                : [];
            if (ranks.Length == 0)
            {
                return null;
            }

            var unheard = new UnheardPeers { Generation = present!.Generation };
            unheard.Ranks.Add(ranks);
            return unheard;
        }
    }

    private VirtualWorld World => simulation.World;

    public void Start() => Process.Do(() => World.Watch(RunAsync()));

    public SimulatedTrainer? FindPeer(string address) => simulation.Trainers.Find(trainer => trainer.Address == address && trainer.Process.IsAlive);

    public void Knock(Hello hello) => Process.Do(() =>
    {
        Knocks.Add(hello);
        Meeting?.Heard(hello);
    });

    public void Take(BeginGeneration order)
    {
        Orders.Add(order);
        Wake();
    }

    public void TakeStop()
    {
        Stop.RequestStop();
        Wake();
    }

    public void TakeLeave(bool alone)
    {
        Stop.RequestLeave();
        if (alone)
        {
            Orders.Abandon();
        }

        Wake();
    }

    private void Wake()
    {
        var waking = news;
        news = new TaskCompletionSource();
        waking.TrySetResult();
    }

    private async Task RunAsync()
    {
        Report last;
        try
        {
            last = new Report { Ended = await TrainAsync() };
        }
        catch (Exception failure) when (failure is not Violation)
        {
            last = new Report { Failed = FailureKinds.Of(failure) };
            if (last.Failed.Kind == "user")
            {
                throw new Violation($"{Name} threw", failure);
            }
        }

        HasEnded = true;
        World.Say($"{Name} ends: {(last.Failed is { } failed ? failed.Kind : "well")}");
        task.Hear(this, last);
        Exit();
    }

    private void Exit() => World.After(World.Between(5, 50), () => Process.Kill());

    private async Task<TaskEnded> TrainAsync()
    {
        await World.Delay(Process, World.Between(100, 800));
        task.Hear(this, new Report { Ready = new TaskReady { PeerAddress = Address, Pid = Pid, ProbeHash = "probe", Hardware = "cpu" } });
        if (task.Assignment.EvaluateTest)
        {
            Beat("evaluating");
            await World.Delay(Process, World.Between(20, 200));
            var score = new TaskEnded();
            score.Metrics.Add("test_loss", Arithmetic.Evaluate(Weights)["val_loss"]);
            return score;
        }

        if (await FirstOrderAsync() is not { } order)
        {
            return new TaskEnded { Stopped = true };
        }

        while (!order.Leaves)
        {
            if (await TrainAsync(order) is { } ended)
            {
                return ended;
            }

            if (await NextOrderAsync(order.Generation) is not { } next)
            {
                return await training.WriteAndLeaveAsync() ?? new TaskEnded { Stopped = true };
            }

            order = next;
        }

        await training.LeaveAsync();
        return new TaskEnded { Stopped = true };
    }

    private async Task<BeginGeneration?> FirstOrderAsync()
    {
        while (Orders.After(0) is null)
        {
            if (Stop.IsRequested || Stop.IsLeaveRequested)
            {
                return null;
            }

            Beat("waiting");
            await news.Task;
        }

        return Orders.After(0);
    }

    private async Task<BeginGeneration?> NextOrderAsync(int generation)
    {
        while (Orders.After(generation) is null || Orders.IsAbandoned)
        {
            if (Stop.IsLeaveRequested)
            {
                return null;
            }

            Beat("waiting");
            await news.Task;
        }

        return Orders.After(generation)!;
    }

    // Null where the generation is over and the run is not.
    private async Task<TaskEnded?> TrainAsync(BeginGeneration order)
    {
        var over = new CancellationTokenSource();
        Mesh? mesh = null;
        try
        {
            Beat("waiting");
            present = order;
            Orders.Meet(order.Generation, over.Cancel);
            mesh = await Mesh.MeetAsync(World, simulation.Network, this, order, over.Token);
            Orders.Run(order.Generation, mesh.Close);
            Met = order.Generation;
            World.Say($"{Name} meets generation {order.Generation} as {order.Rank} of {mesh.WorldSize} at step {Step}");
            var start = new GenerationStart(order.KnownEpochs, order.KnownCheckpointStep, () => Orders.After(order.Generation) is not null, order.UntilEpoch);
            return await training.TrainAsync(mesh, start);
        }
        catch (CollectiveException lost)
        {
            if (Orders.After(order.Generation) is null && !Orders.IsAbandoned)
            {
                World.Say($"{Name} is interrupted in generation {order.Generation} after step {Step}: {lost.Message}");
                var interrupted = new TaskInterrupted { Generation = order.Generation, AppliedStep = Step, SuspectRank = lost.Peer, Message = lost.Message };
                interrupted.UnheardRanks.Add(Unheard?.Ranks ?? []);
                task.Hear(this, new Report { Interrupted = interrupted });
            }

            return null;
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            present = null;
            Orders.Leave();
            mesh?.Close();
        }
    }

    public void Beat(string phase)
    {
        Progress = new TaskProgress { Step = Step, Epoch = Epoch, Phase = phase, ShardSeconds = training.Pace.Seconds };
        task.Hear(this, Progress);
    }
}
