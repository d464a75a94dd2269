using Orchestrator.Collectives;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Simulation.Tests;

/// <summary>
/// What a trainer trains, through all its generations: the course of TrainingSession, TrainingLoop and StateTransfer, with their own deciding parts: TrainingState, SampleLedger, Alignment,
/// CheckpointDuties, BestEpoch.
/// </summary>
internal sealed class SimulatedTraining
{
    private readonly Simulation simulation;
    private readonly SimulatedTrainer trainer;
    private readonly SimulatedCheckpoints checkpoints;
    private readonly TrainingSpec spec;
    private readonly BestEpoch best;
    // For a shard.
    private readonly TimeSpan pace;
    private int untilEpoch;

    public SimulatedTraining(Simulation simulation, SimulatedTrainer trainer, CheckpointImage? from)
    {
        (this.simulation, this.trainer) = (simulation, trainer);
        checkpoints = new SimulatedCheckpoints(World, trainer);
        spec = Arithmetic.Spec(simulation.Settings.Every);
        best = new BestEpoch(spec.Checkpoint);
        pace = World.Between(50, 150);
        HasState = !trainer.Task.Assignment.Joins;
        if (from is not null)
        {
            (State, Weights) = (TrainingState.Of(from.Manifest), from.Weights);
        }
    }

    public TrainingState State { get; } = new();

    public ulong Weights { get; private set; } = Arithmetic.Weights[0];

    public bool HasState { get; private set; }

    private VirtualWorld World => simulation.World;

    public ShardPace Pace { get; } = new();

    /// <summary>The run goes on without it.</summary>
    public Task LeaveAsync() => checkpoints.TellAsync();

    /// <summary>Nobody waits for the next generation any longer.</summary>
    public async Task<TaskEnded?> WriteAndLeaveAsync()
    {
        await checkpoints.TellAsync();
        if (!HasState || State.Step == 0 || State.StepOfEpoch == Arithmetic.Plan.Steps)
        {
            return null;
        }

        await SaveAsync(rank: 0);
        await checkpoints.TellAsync();
        return Ended(stopped: true);
    }

    /// <summary>One generation; null where the ranks went over to the next.</summary>
    public async Task<TaskEnded?> TrainAsync(Mesh mesh, GenerationStart start)
    {
        if (mesh.WorldSize > 1 || !HasState)
        {
            await AlignAsync(mesh);
            HasState = true;
        }

        simulation.Witness.Begins(trainer, mesh);
        untilEpoch = start.UntilEpoch ?? untilEpoch;
        await CatchUpAsync(mesh.Rank, start);
        return await LoopAsync(mesh, start) is var end and not LoopEnd.Switched ? await OutcomeAsync(mesh, end) : null;
    }

    private async Task AlignAsync(Mesh mesh)
    {
        trainer.Beat("joining");
        var members = (await mesh.GatherAsync("states", new MemberState(HasState, State.Step, State.Epoch))).Cast<MemberState>().ToArray();
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
        var told = (byte[])await mesh.BroadcastAsync("state", alignment.Source, sends ? State.ToBytes() : null);
        trainer.Beat("joining");
        var tensors = (ulong)await mesh.BroadcastAsync("tensors", alignment.Source, sends ? Weights : null);
        if (alignment.Receivers.Contains(mesh.Rank))
        {
            var before = State.Step;
            Weights = tensors;
            State.Take(told);
            simulation.Witness.Took(trainer, HasState, before);
        }
    }

    private async Task CatchUpAsync(int rank, GenerationStart start)
    {
        if (rank == 0)
        {
            foreach (var epoch in State.Epochs.Where(epoch => epoch.Epoch > start.KnownEpochs))
            {
                Tell(epoch);
            }
        }

        switch (CheckpointDuties.Of(State, start.KnownCheckpoint, rank, checkpoints.HeldStep, checkpoints.HasBegun))
        {
            case CheckpointDuty.Save:
                await SaveAsync(rank);
                break;
            case CheckpointDuty.Write:
                checkpoints.Write();
                break;
            case CheckpointDuty.None:
                break;
        }
    }

    private int LastEpoch => untilEpoch == 0 ? spec.Epochs : Math.Min(untilEpoch, spec.Epochs);

    private async Task<LoopEnd> LoopAsync(Mesh mesh, GenerationStart start)
    {
        var phase = "first-step";
        while (State.Epoch < LastEpoch)
        {
            var leaves = false;
            if (State.StepOfEpoch == 0)
            {
                State.BeginEpoch();
            }

            while (State.StepOfEpoch < Arithmetic.Plan.Steps)
            {
                var end = await StepAsync(mesh, start, phase);
                leaves = end is LoopEnd.Left;
                if (end is LoopEnd.Switched)
                {
                    return LoopEnd.Switched;
                }

                if (leaves && State.StepOfEpoch < Arithmetic.Plan.Steps)
                {
                    if (State.DueCheckpoint != State.Step)
                    {
                        await SaveAsync(mesh.Rank);
                    }

                    return LoopEnd.Left;
                }

                phase = "training";
            }

            await FinishEpochAsync(mesh, leaves);
            if (State.Epoch < LastEpoch && (State.Stopping || leaves))
            {
                return State.Stopping ? LoopEnd.Stopped : LoopEnd.Left;
            }
        }

        return LoopEnd.Done;
    }

    // What all ranks are told to do after it: null to go on.
    private async Task<LoopEnd?> StepAsync(Mesh mesh, GenerationStart start, string phase)
    {
        trainer.Beat(phase);
        var (first, end) = mesh.Ranges[mesh.Rank];
        var work = pace * ((end - first) * trainer.Slowness * (0.8 + (World.Random.NextDouble() * 0.4)));
        await World.Delay(trainer.Process, work);
        if (phase != "first-step")
        {
            Pace.Add(work, end - first);
        }

        var mine = new StepPart(
            State.Step,
            [.. Enumerable.Range(first, end - first).Select(shard => Arithmetic.Part(Weights, State.Epoch, State.StepOfEpoch, shard))],
            trainer.Stop.IsRequested,
            start.Switch(),
            trainer.Stop.IsLeaveRequested);
        trainer.Beat(phase == "first-step" ? phase : "waiting");
        var all = (await mesh.ReduceAsync("step", mine)).Cast<StepPart>().ToArray();
        var parts = all.SelectMany(part => part.Shards).OrderBy(part => part.Shard).ToArray();
        if (all.Any(part => part.Step != State.Step) || !parts.Select(part => part.Shard).SequenceEqual(Enumerable.Range(0, Arithmetic.Shards)))
        {
            throw new Violation($"{trainer.Name} sums steps {string.Join(' ', all.Select(part => part.Step))} of shards {string.Join(' ', parts.Select(part => part.Shard))}");
        }

        Weights = Arithmetic.Apply(Weights, parts);
        State.Ledger.Add(parts.Sum(part => (long)part.Count), parts.Aggregate(0UL, (sum, part) => unchecked(sum + part.Rows)));
        State.FinishStep(Arithmetic.LossOf(parts), 0, all.Any(part => part.Stopping));
        simulation.Witness.Applied(trainer, mesh);
        if (checkpoints.IsWritten)
        {
            await checkpoints.TellAsync();
        }

        if (spec.Checkpoint.Every is { Unit: EveryUnit.Step } every && State.Step % every.Count == 0 && State.StepOfEpoch < Arithmetic.Plan.Steps)
        {
            await SaveAsync(mesh.Rank);
        }

        return all.All(part => part.Switching || part.Shards.Length == 0) ? LoopEnd.Switched
            : all.All(part => part.Leaving || part.Shards.Length == 0) ? LoopEnd.Left
            : null;
    }

    private async Task FinishEpochAsync(Mesh mesh, bool leaves)
    {
        Arithmetic.Check(State.Ledger.Entry, trainer.Name);
        trainer.Beat("evaluating");
        await World.Delay(trainer.Process, World.Between(20, 200));
        var seen = (await mesh.GatherAsync("evaluation", Weights)).Cast<ulong>().ToArray();
        if (seen.Any(other => other != Weights))
        {
            throw new Violation($"{trainer.Name} evaluates other weights than its peers");
        }

        var metrics = Arithmetic.Evaluate(Weights);
        metrics["train_loss"] = State.EpochLoss / Arithmetic.Plan.Samples;
        var result = new EpochResult(State.Epoch + 1, State.Step, metrics, State.Ledger.Entry.Samples, 0, State.Ledger.Entry.Hash);
        State.FinishEpoch(result);
        if (mesh.Rank == 0)
        {
            Tell(result);
        }

        var better = best.Better(State.Best, metrics);
        State.Best = better ?? State.Best;
        if (State.Stopping || leaves || better is not null || State.Epoch == LastEpoch
            || (spec.Checkpoint.Every.Unit == EveryUnit.Epoch ? State.Epoch : State.Step) % spec.Checkpoint.Every.Count == 0)
        {
            await SaveAsync(mesh.Rank);
        }
    }

    private async Task<TaskEnded> OutcomeAsync(Mesh mesh, LoopEnd end)
    {
        while (mesh.WorldSize > 1)
        {
            if (checkpoints.IsWritten)
            {
                await checkpoints.TellAsync();
            }

            if ((await mesh.GatherAsync("written", !checkpoints.IsWriting)).All(done => (bool)done))
            {
                break;
            }

            trainer.Beat("checkpointing");
            await World.Delay(trainer.Process, TimeSpan.FromMilliseconds(50));
        }

        await checkpoints.TellAsync();
        var ended = Ended(end is not LoopEnd.Done);
        ended.LeftGeneration = end is LoopEnd.Left ? mesh.Generation : 0;
        return ended;
    }

    private TaskEnded Ended(bool stopped)
    {
        var ended = new TaskEnded { Step = State.Step, Epoch = State.Epoch, WeightsHash = Arithmetic.HashOf(Weights), SamplesPerEpoch = State.SamplesPerEpoch, Stopped = stopped };
        ended.Metrics.Add(State.Metrics);
        return ended;
    }

    private async Task SaveAsync(int rank)
    {
        trainer.Beat("checkpointing");
        await checkpoints.TellAsync();
        State.DueCheckpoint = State.Step;
        checkpoints.Hold(State, Weights);
        if (rank == 0)
        {
            checkpoints.Write();
        }
    }

    private void Tell(EpochResult result)
    {
        var report = new EpochFinished { Epoch = result.Epoch, Step = result.Step, Samples = result.Samples, LedgerHash = result.LedgerHash };
        report.Metrics.Add(result.Metrics.ToDictionary());
        trainer.Task.Hear(trainer, new Report { Epoch = report });
    }

    private sealed record StepPart(long Step, ShardPart[] Shards, bool Stopping, bool Switching, bool Leaving);
}
