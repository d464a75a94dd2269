using System.Text.Json.Nodes;
using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.V1;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// A trainer's process: the course of the real one (GenerationLoop, TrainingSession, TrainingLoop, StateTransfer, CheckpointWriter) with waiting where that blocks, and with its own
/// deciding parts: GenerationOrders, TrainingState, SampleLedger, Alignment, CheckpointDuties, BestEpoch.
/// </summary>
internal sealed class SimulatedTrainer
{
    private readonly Simulation simulation;
    private readonly SimulatedTask task;
    private readonly TrainingSpec spec;
    private readonly BestEpoch best;
    private readonly TimeSpan pace;
    private TrainingState state = new();
    private ulong weights = Arithmetic.Weights[0];
    private TaskCompletionSource news = new();
    private int untilEpoch;

    // The checkpoint that is kept, and the one that is being written.
    private CheckpointImage? held;
    private bool begun;
    private Task<CheckpointImage>? writing;

    public SimulatedTrainer(Simulation simulation, SimulatedTask task, int pid, CheckpointImage? from)
    {
        (this.simulation, this.task) = (simulation, task);
        Name = $"{task.Assignment.Generation}.{task.Assignment.Rank}/{pid}";
        Pid = pid;
        Host = task.Agent.Host;
        Address = $"{Host}:{pid}";
        Process = new Process(World, Name);
        spec = Arithmetic.Spec(simulation.Settings.Every);
        best = new BestEpoch(spec.Checkpoint);
        pace = World.Between(100, 300);
        HasState = !task.Assignment.Joins;
        if (from is not null)
        {
            (state, weights) = (TrainingState.Of(from.Manifest), from.Weights);
        }
    }

    public string Name { get; }

    public int Pid { get; }

    public string Host { get; }

    public string Address { get; }

    public Process Process { get; }

    public SimulatedTask Task => task;

    public bool HasState { get; private set; }

    public long Step => state.Step;

    public int Epoch => state.Epoch;

    public ulong Weights => weights;

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
            score.Metrics.Add("test_loss", Arithmetic.Evaluate(weights)["val_loss"]);
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

            order = await NextOrderAsync(order.Generation);
        }

        await ReportWrittenAsync();
        return new TaskEnded { Stopped = true };
    }

    private async Task<BeginGeneration?> FirstOrderAsync()
    {
        while (Orders.After(0) is null)
        {
            if (Stop.IsRequested)
            {
                return null;
            }

            Beat("waiting");
            await news.Task;
        }

        return Orders.After(0);
    }

    private async Task<BeginGeneration> NextOrderAsync(int generation)
    {
        while (Orders.After(generation) is null)
        {
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
            Orders.Run(order.Generation, over.Cancel);
            mesh = await Mesh.MeetAsync(World, simulation.Network, this, order, over.Token);
            Orders.Run(order.Generation, mesh.Close);
            Met = order.Generation;
            World.Say($"{Name} meets generation {order.Generation} as {order.Rank} of {mesh.WorldSize} at step {state.Step}");
            var start = new GenerationStart(order.KnownEpochs, order.AtBoundary ? long.MaxValue : order.KnownCheckpointStep, () => Orders.After(order.Generation) is not null, order.UntilEpoch);
            return await TrainAsync(mesh, start);
        }
        catch (CollectiveException lost)
        {
            if (Orders.After(order.Generation) is null)
            {
                World.Say($"{Name} is interrupted in generation {order.Generation} after step {state.Step}: {lost.Message}");
                task.Hear(this, new Report
                {
                    Interrupted = new TaskInterrupted { Generation = order.Generation, AppliedStep = state.Step, SuspectRank = lost.Peer, Message = lost.Message },
                });
            }

            return null;
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            Orders.Leave();
            mesh?.Close();
        }
    }

    private async Task<TaskEnded?> TrainAsync(Mesh mesh, GenerationStart start)
    {
        if (mesh.WorldSize > 1 || !HasState)
        {
            await AlignAsync(mesh);
            HasState = true;
        }

        simulation.Witness.Begins(this, mesh);
        untilEpoch = start.UntilEpoch ?? untilEpoch;
        await CatchUpAsync(mesh.Rank, start);
        return await LoopAsync(mesh, start) is { } stopped ? await OutcomeAsync(mesh, stopped) : null;
    }

    private async Task AlignAsync(Mesh mesh)
    {
        Beat("joining");
        var members = (await mesh.GatherAsync("states", new MemberState(HasState, state.Step, state.Epoch))).Cast<MemberState>().ToArray();
        var alignment = Alignment.Of(members);
        if (alignment.Source < 0)
        {
            throw new NoStateException();
        }

        if (alignment.Receivers.Count == 0)
        {
            return;
        }

        var sends = alignment.Source == mesh.Rank;
        var told = (byte[])await mesh.BroadcastAsync("state", alignment.Source, sends ? state.ToBytes() : null);
        Beat("joining");
        var tensors = (ulong)await mesh.BroadcastAsync("tensors", alignment.Source, sends ? weights : null);
        if (alignment.Receivers.Contains(mesh.Rank))
        {
            var before = state.Step;
            weights = tensors;
            state.Take(told);
            simulation.Witness.Took(this, HasState, before);
        }
    }

    private async Task CatchUpAsync(int rank, GenerationStart start)
    {
        if (rank == 0)
        {
            foreach (var epoch in state.Epochs.Where(epoch => epoch.Epoch > start.KnownEpochs))
            {
                Tell(epoch);
            }
        }

        switch (CheckpointDuties.Of(state, start.KnownCheckpoint, rank, held?.Manifest.Step ?? -1, begun))
        {
            case CheckpointDuty.Save:
                await SaveAsync(rank);
                break;
            case CheckpointDuty.Write:
                Write();
                break;
            case CheckpointDuty.None:
                break;
        }
    }

    private int LastEpoch => untilEpoch == 0 ? spec.Epochs : Math.Min(untilEpoch, spec.Epochs);

    private async Task<bool?> LoopAsync(Mesh mesh, GenerationStart start)
    {
        var phase = "first-step";
        var stopped = false;
        while (state.Epoch < LastEpoch && !stopped)
        {
            if (state.StepOfEpoch == 0)
            {
                state.BeginEpoch();
            }

            while (state.StepOfEpoch < Arithmetic.Plan.Steps)
            {
                if (await StepAsync(mesh, start, phase))
                {
                    return null;
                }

                phase = "training";
            }

            stopped = await FinishEpochAsync(mesh);
        }

        return stopped && state.Epoch < LastEpoch;
    }

    // True where all ranks hold the order for the next generation.
    private async Task<bool> StepAsync(Mesh mesh, GenerationStart start, string phase)
    {
        Beat(phase);
        await World.Delay(Process, pace * (Slowness * (0.8 + (World.Random.NextDouble() * 0.4))));
        var (first, end) = mesh.Ranges[mesh.Rank];
        var mine = new StepPart(
            state.Step,
            [.. Enumerable.Range(first, end - first).Select(shard => Arithmetic.Part(weights, state.Epoch, state.StepOfEpoch, shard))],
            Stop.IsRequested,
            start.Switch());
        Beat(phase == "first-step" ? phase : "waiting");
        var all = (await mesh.ReduceAsync("step", mine)).Cast<StepPart>().ToArray();
        var parts = all.SelectMany(part => part.Shards).OrderBy(part => part.Shard).ToArray();
        if (all.Any(part => part.Step != state.Step) || !parts.Select(part => part.Shard).SequenceEqual(Enumerable.Range(0, Arithmetic.Shards)))
        {
            throw new Violation($"{Name} sums steps {string.Join(' ', all.Select(part => part.Step))} of shards {string.Join(' ', parts.Select(part => part.Shard))}");
        }

        weights = Arithmetic.Apply(weights, parts);
        state.Ledger.Add(parts.Sum(part => (long)part.Count), parts.Aggregate(0UL, (sum, part) => unchecked(sum + part.Rows)));
        state.FinishStep(Arithmetic.LossOf(parts), 0, all.Any(part => part.Stopping));
        simulation.Witness.Applied(this, mesh);
        if (writing is { IsCompleted: true })
        {
            await ReportWrittenAsync();
        }

        if (spec.Checkpoint.Every is { Unit: EveryUnit.Step } every && state.Step % every.Count == 0 && state.StepOfEpoch < Arithmetic.Plan.Steps)
        {
            await SaveAsync(mesh.Rank);
        }

        return all.All(part => part.Switching);
    }

    private async Task<bool> FinishEpochAsync(Mesh mesh)
    {
        Arithmetic.Check(state.Ledger.Entry, Name);
        Beat("evaluating");
        await World.Delay(Process, World.Between(20, 200));
        var seen = (await mesh.GatherAsync("evaluation", weights)).Cast<ulong>().ToArray();
        if (seen.Any(other => other != weights))
        {
            throw new Violation($"{Name} evaluates other weights than its peers");
        }

        var metrics = Arithmetic.Evaluate(weights);
        metrics["train_loss"] = state.EpochLoss / Arithmetic.Plan.Samples;
        var result = new EpochResult(state.Epoch + 1, state.Step, metrics, state.Ledger.Entry.Samples, 0, state.Ledger.Entry.Hash);
        state.FinishEpoch(result);
        if (mesh.Rank == 0)
        {
            Tell(result);
        }

        var better = best.Better(state.Best, metrics);
        state.Best = better ?? state.Best;
        if (state.Stopping || better is not null || state.Epoch == LastEpoch
            || (spec.Checkpoint.Every.Unit == EveryUnit.Epoch ? state.Epoch : state.Step) % spec.Checkpoint.Every.Count == 0)
        {
            await SaveAsync(mesh.Rank);
        }

        return state.Stopping;
    }

    private async Task<TaskEnded> OutcomeAsync(Mesh mesh, bool stopped)
    {
        while (mesh.WorldSize > 1)
        {
            if (writing is { IsCompleted: true })
            {
                await ReportWrittenAsync();
            }

            if ((await mesh.GatherAsync("written", writing is null)).All(done => (bool)done))
            {
                break;
            }

            Beat("checkpointing");
            await World.Delay(Process, TimeSpan.FromMilliseconds(50));
        }

        await ReportWrittenAsync();
        var ended = new TaskEnded { Step = state.Step, Epoch = state.Epoch, WeightsHash = Arithmetic.HashOf(weights), SamplesPerEpoch = state.SamplesPerEpoch, Stopped = stopped };
        ended.Metrics.Add(state.Metrics);
        return ended;
    }

    private async Task SaveAsync(int rank)
    {
        Beat("checkpointing");
        await ReportWrittenAsync();
        state.DueCheckpoint = state.Step;
        (held, begun) = (new CheckpointImage(Manifest(), weights), false);
        if (rank == 0)
        {
            Write();
        }
    }

    private void Write()
    {
        begun = true;
        writing = WriteAsync(held!);
    }

    private async Task<CheckpointImage> WriteAsync(CheckpointImage image)
    {
        await World.Delay(Process, World.Between(20, 600));
        return image;
    }

    private async Task ReportWrittenAsync()
    {
        if (writing is { } last)
        {
            var image = await last;
            writing = null;
            task.Hear(this, image);
        }
    }

    private void Tell(EpochResult result)
    {
        var report = new EpochFinished { Epoch = result.Epoch, Step = result.Step, Samples = result.Samples, LedgerHash = result.LedgerHash };
        report.Metrics.Add(result.Metrics.ToDictionary());
        task.Hear(this, new Report { Epoch = report });
    }

    private void Beat(string phase)
    {
        Progress = new TaskProgress { Step = state.Step, Epoch = state.Epoch, Phase = phase };
        task.Hear(this, Progress);
    }

    private CheckpointManifest Manifest() => new()
    {
        Run = Simulation.Run,
        Step = state.Step,
        Epoch = state.Epoch,
        StepOfEpoch = state.StepOfEpoch,
        Seed = Arithmetic.Seed,
        Spec = null!,
        DatasetSha256 = "",
        Dataset = NoDataset,
        Ledger = state.Ledger.Entry,
        EpochLoss = state.EpochLoss,
        Metrics = new SortedDictionary<string, double>(state.Metrics, StringComparer.Ordinal),
        Course = null,
        Trail = state.Trail.Record,
        Hardware = null!,
        Files = [],
    };

    private static readonly JsonObject NoDataset = [];

    private sealed record StepPart(long Step, ShardPart[] Shards, bool Stopping, bool Switching);
}
