using Orchestrator.Control.Runs;
using Orchestrator.Specs;

namespace Orchestrator.Control.Tests.Runs;

/// <summary>A run under test with its log, and builders of what is said to it.</summary>
internal sealed class RunSample
{
    public const string Probe = "probe";
    public static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public static readonly TrialKey Trial = new("s", 3, 1);

    public RunState State { get; private set; } = RunState.Initial;

    public List<RunEvent> Log { get; } = [];

    public int Generation => State.LastGeneration;

    public static RunPlan Plan(int min = 1, int max = 2, int epochs = 3, FailureBudgets? budgets = null) => new(
        "run", min, max, 4, epochs, epochs * 10, new Retention(1, 1, "val_loss", Maximize: false), budgets ?? new FailureBudgets { Lost = 2, Hung = 1, OutOfMemory = 1 });

    public static RunSample Requested(RunPlan? plan = null, TrialKey? trial = null, int untilEpoch = 0)
    {
        var sample = new RunSample();
        sample.Do(new RunCommand.Request("r", plan ?? Plan(), "{}", "sha", trial, "", "0011223344556677", At, untilEpoch));
        return sample;
    }

    /// <summary>Placed on so many agents a, b, c, ... and begun.</summary>
    public static RunSample Working(int members = 1, TrialKey? trial = null, FailureBudgets? budgets = null, int epochs = 3)
    {
        var sample = Requested(Plan(max: Math.Max(2, members), budgets: budgets, epochs: epochs), trial);
        sample.Begin(members);
        return sample;
    }

    public IReadOnlyList<RunEvent> Do(RunCommand command)
    {
        var events = RunDecision.Decide(State, command);
        Log.AddRange(events);
        State = events.Aggregate(State, RunEvolution.Apply);
        return events;
    }

    public void Begin(int members = 1)
    {
        var survivors = State.Survivors.Count;
        Propose(Math.Max(1, members - survivors));
        foreach (var rank in Enumerable.Range(survivors, Math.Max(1, members - survivors)))
        {
            Ready(rank, State.ProbeHash.Length > 0 ? State.ProbeHash : Probe);
        }

        Assert.Equal(RunPhase.Working, State.Phase);
    }

    public IReadOnlyList<RunEvent> Propose(int members = 1) => Do(new RunCommand.Propose(Slots(members), "8899aabbccddeeff", At));

    /// <summary>The trainer that has the rank now, or that was started for it in a given generation.</summary>
    public TrainerName Trainer(int rank, int? generation = null) => generation is null && State.Members.Find(member => member.Place.Rank == rank) is { } member
        ? member.Trainer
        : new TrainerName(generation ?? Generation, rank);

    public IReadOnlyList<RunEvent> Interrupt(int rank, int suspect, long applied = 0) => Do(new RunCommand.Interrupt(
        Trainer(rank).Generation, Trainer(rank).Rank, Generation, suspect, applied, "why", At));

    public IReadOnlyList<RunEvent> Ready(int rank, string probe = Probe, int? generation = null) =>
        Do(new RunCommand.Ready(Trainer(rank, generation).Generation, Trainer(rank, generation).Rank, $"host:{rank}", 100 + rank, probe, "cpu", At));

    public IReadOnlyList<RunEvent> Epoch(int epoch, double loss = 1, int? generation = null) => Do(new RunCommand.FinishEpoch(
        Trainer(0, generation).Generation, Trainer(0, generation).Rank, epoch, epoch * 10, new Dictionary<string, double> { ["val_loss"] = loss }, 640, 1, "ledger", At));

    public IReadOnlyList<RunEvent> Checkpoint(int epoch, double loss = 1, int? generation = null) => Do(new RunCommand.CommitCheckpoint(
        Trainer(0, generation).Generation, Trainer(0, generation).Rank, Record(epoch, loss), At));

    public IReadOnlyList<RunEvent> End(int epoch, int rank = 0, bool stopped = false, int? generation = null, bool paused = false) => Do(new RunCommand.End(
        Trainer(rank, generation).Generation, Trainer(rank, generation).Rank, epoch * 10, epoch, "weights", new Dictionary<string, double>(), 640, stopped, At, paused));

    public IReadOnlyList<RunEvent> Fail(FailureKind kind, int rank = 0, int suspect = -1, long reached = 0, int? generation = null, string detail = "") =>
        Do(new RunCommand.Fail(Trainer(rank, generation).Generation, Trainer(rank, generation).Rank, kind, "why", detail, suspect, reached, At));

    public IReadOnlyList<RunEvent> Stop(bool gracefully) => Do(new RunCommand.Stop(gracefully, At));

    /// <summary>Every epoch with its checkpoint, and the end, or the pause.</summary>
    public void Train()
    {
        var target = State.Target;
        for (var epoch = State.Epoch + 1; epoch <= target; epoch++)
        {
            Epoch(epoch);
            Checkpoint(epoch);
        }

        // One that is not known to stand is written again.
        Checkpoint(target);
        End(target, paused: target < State.Plan!.Epochs);
    }

    public static CheckpointRecord Record(int epoch, double loss = 1) => new(
        $"r-{epoch * 10}", epoch * 10, epoch, 1000, $"sha-{epoch * 10}", new Dictionary<string, double> { ["val_loss"] = loss }, $"file:///r-{epoch * 10}");

    public static SlotId[] Slots(int count, int from = 0) => [.. Enumerable.Range(from, count).Select(index => new SlotId(((char)('a' + index)).ToString(), 0))];
}
