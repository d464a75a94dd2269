using Orchestrator.Control.Runs;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Tasks;
using Orchestrator.Worker.Agent.Trainers;
using TaskKey = Orchestrator.Worker.Agent.TaskKey;

namespace Orchestrator.Simulation.Tests;

/// <summary>Sees everything, and holds it against what was promised.</summary>
internal sealed class Witness(Simulation simulation)
{
    private static readonly string Ledger = Orchestrator.Training.SampleLedger.Expected(Arithmetic.Plan.Samples).Hash;

    private readonly HashSet<(int Generation, int Rank, string What, int In)> said = [];
    private readonly Dictionary<int, int> lineages = [];
    private readonly Dictionary<int, long> fromSteps = [];
    private readonly Dictionary<int, long> reached = [];
    private readonly Dictionary<int, long> began = [];
    private readonly Dictionary<int, int> newestWriter = [];
    private readonly HashSet<SimulatedTrainer> outdated = [];

    /// <summary>By the journal.</summary>
    public RunState State { get; private set; } = RunState.Initial;

    /// <summary>How many of the run's events.</summary>
    public int Seen { get; private set; }

    /// <summary>A task's word, as it goes into its agent's spool.</summary>
    public void Said(TaskKey task, Report report) => said.Add((task.Generation, task.Rank, report.ReportCase.ToString(), report.Interrupted?.Generation ?? 0));

    /// <summary>A step's gradient is in a trainer's weights.</summary>
    public void Applied(SimulatedTrainer trainer, Mesh mesh)
    {
        Check(trainer.Weights == Arithmetic.Weights[(int)trainer.Step], $"{trainer.Name} has other weights after step {trainer.Step} than the undisturbed run");
        var lineage = lineages[mesh.Generation];
        reached[lineage] = Math.Max(reached.GetValueOrDefault(lineage), trainer.Step);
        // Whoever froze with all of a step in its sockets applies that one when it thaws, for itself; more takes the others.
        Check(
            mesh.Generation >= newestWriter.GetValueOrDefault(lineage) || outdated.Add(trainer),
            $"{trainer.Name} applies step {trainer.Step} in generation {mesh.Generation}, after {newestWriter.GetValueOrDefault(lineage)} did, and not for the first time");
        newestWriter[lineage] = Math.Max(newestWriter.GetValueOrDefault(lineage), mesh.Generation);
    }

    /// <summary>A trainer has become what a peer is.</summary>
    public void Took(SimulatedTrainer trainer, bool hadState, long before) =>
        Check(!hadState || trainer.Step >= before, $"{trainer.Name} had applied step {before} and took a state of step {trainer.Step}");

    /// <summary>A trainer is level with its generation and goes on.</summary>
    public void Begins(SimulatedTrainer trainer, Mesh mesh)
    {
        var generation = mesh.Generation;
        var lineage = lineages[generation];
        Check(trainer.Weights == Arithmetic.Weights[(int)trainer.Step], $"{trainer.Name} begins generation {generation} with other weights at step {trainer.Step} than the undisturbed run");
        Check(began.TryAdd(generation, trainer.Step) || began[generation] == trainer.Step, $"{trainer.Name} begins generation {generation} at step {trainer.Step}, another at {began[generation]}");
        if (generation == lineage)
        {
            Check(trainer.Step == fromSteps[generation], $"{trainer.Name} begins generation {generation} at step {trainer.Step}, not at its checkpoint's {fromSteps[generation]}");
        }

        if (generation < newestWriter.GetValueOrDefault(lineage))
        {
            // It was frozen on its way in, and nobody is there any more.
            return;
        }

        Check(
            trainer.Step >= reached.GetValueOrDefault(lineage) - 1,
            $"generation {generation} begins at step {trainer.Step} though step {reached.GetValueOrDefault(lineage)} was applied in its line: a committed step is lost");
    }

    /// <summary>An agent ends a trainer.</summary>
    public void Ends(SimulatedTrainer trainer, EndReason why)
    {
        simulation.World.Say($"{trainer.Name} is ended: {why}");
        var isNeeded = State is { Outcome: null, Purpose: TaskPurpose.Train, Phase: not RunPhase.Idle };
        Check(!trainer.IsUntouched || trainer.Met == 0 || !isNeeded || !trainer.Process.IsWell || trainer.HasEnded, $"{trainer.Name}, which nothing had happened to, is ended: {why}");
    }

    public void Happened(RunState before, RunEvent happened, RunState after)
    {
        State = after;
        Seen++;
        simulation.World.Say($"  {Line(happened)}");
        switch (happened)
        {
            case RunEvent.GenerationProposed e:
                lineages[e.Generation] = after.Lineage;
                fromSteps[e.Generation] = e.FromStep;
                Check(e.Generation == before.LastGeneration + 1, $"generation {e.Generation} follows {before.LastGeneration}");
                Check(e.Members.Sum(member => member.EndShard - member.FirstShard) == Arithmetic.Shards, "a generation's ranges are not all shards once");
                Check(e.Members.DistinctBy(member => (member.Agent, member.Slot)).Count() == e.Members.Count, "a generation has a slot twice");
                break;
            case RunEvent.MemberReady e:
                CheckSaid(e.Generation == before.Next?.Number ? before.Next : before.Current!, e.Rank, nameof(Report.ReportOneofCase.Ready));
                break;
            case RunEvent.MemberEnded e:
                CheckSaid(before.Current!, e.Rank, nameof(Report.ReportOneofCase.Ended));
                break;
            case RunEvent.MemberDropped e:
                CheckSaid(before.Current!, e.Rank, nameof(Report.ReportOneofCase.Failed));
                break;
            case RunEvent.MemberInterrupted e:
                CheckSaid(before.Current!, e.Rank, nameof(Report.ReportOneofCase.Interrupted), e.Generation);
                break;
            case RunEvent.GenerationFailed e:
                Check(
                    e.Kind is not FailureKind.Preempted || !e.Message.EndsWith(" drains", StringComparison.Ordinal) || e.Message == LastWord.Preempted || before.StopRequested
                        || before is not { Phase: RunPhase.Working, Purpose: TaskPurpose.Train } || !began.ContainsKey(before.Current!.Number) || before.Current!.Members.Exists(member => member.Stage is not MemberStage.Working),
                    $"{e.Agent} drains, and its trainer is taken out of a working generation before it could hand over");
                CheckLoss(before, after, e.StepsLost, e.ResumeStep);
                break;
            case RunEvent.SurvivorLost e:
                CheckLoss(before, after, e.StepsLost, e.ResumeStep);
                break;
            case RunEvent.EpochFinished e:
                Check(e.Epoch == before.History.Count + 1, $"epoch {e.Epoch} is told after {before.History.Count}");
                Check(e.Step == e.Epoch * Arithmetic.Plan.Steps, $"epoch {e.Epoch} ends at step {e.Step}");
                Check(e.Samples == Arithmetic.Plan.Samples && e.LedgerHash == Ledger, $"epoch {e.Epoch} did not use every sample once");
                Check(Equal(e.Metrics, Arithmetic.MetricsOf(e.Epoch)), $"epoch {e.Epoch} has other metrics than in the undisturbed run");
                break;
            case RunEvent.CheckpointCommitted e:
                Check(simulation.Store.Find(e.Checkpoint.Id) is { } image && Arithmetic.IsAfter(e.Checkpoint.Step, image.Weights, image.Manifest.Trail), $"checkpoint {e.Checkpoint.Id} is not what the undisturbed run has at its step");
                break;
            case RunEvent.TrainingEnded e:
                Check(e.Step == Arithmetic.Steps && e.Epoch == Arithmetic.Epochs && e.WeightsHash == Arithmetic.HashOf(Arithmetic.Weights[^1]), $"the run ends at step {e.Step} with {e.WeightsHash}");
                break;
            case RunEvent.RunEnded e:
                Check(e.Outcome is RunOutcome.Succeeded, $"the run {e.Outcome}: {e.Message}");
                Check(before.Outcome is null, "the run ended twice");
                Check(before.Latest?.Step == Arithmetic.Steps, $"the run ends, and its last checkpoint is of step {before.Latest?.Step}");
                break;
            default:
                break;
        }
    }

    private static bool Equal(IReadOnlyDictionary<string, double> left, IReadOnlyDictionary<string, double> right) =>
        left.Count == right.Count && left.All(metric => right.TryGetValue(metric.Key, out var value) && BitConverter.DoubleToInt64Bits(value) == BitConverter.DoubleToInt64Bits(metric.Value));

    private void CheckSaid(Generation members, int rank, string what, int generation = 0)
    {
        var trainer = members.MemberAt(rank)!.Trainer;
        Check(said.Contains((trainer.Generation, trainer.Rank, what, generation)), $"{what} counts as the word of trainer {trainer.Generation}.{trainer.Rank}, which never said it");
    }

    private void CheckLoss(RunState before, RunState after, long lost, long resume)
    {
        if (before.Current?.Purpose is TaskPurpose.Score)
        {
            return;
        }

        Check(lost >= 0 && lost <= Math.Max(0, reached.GetValueOrDefault(before.Lineage) - resume), $"{lost} steps count as lost, after {reached.GetValueOrDefault(before.Lineage)} and from {resume}");
        if (after.Survivors.IsEmpty && after.Current is null && after.Outcome is null)
        {
            var done = simulation.Trainers.Find(trainer => trainer is { IsUntouched: true, IsDone: true }
                && before.Members.Exists(member => member.Trainer == new TrainerName(trainer.Task.Key.Generation, trainer.Task.Key.Rank)));
            Check(done is null || resume == Arithmetic.Steps, $"the run goes back to step {resume} though {done?.Name}, which nothing had happened to, had trained to the end and delivered all");
            var holder = simulation.Trainers.Find(trainer => trainer is { IsUntouched: true, HasState: true, Met: > 0, HasEnded: false, Process.IsWell: true }
                && before.Members.Exists(member => member.Trainer == new TrainerName(trainer.Task.Key.Generation, trainer.Task.Key.Rank)));
            Check(holder is null, $"the run goes back to step {resume} though {holder?.Name}, which nothing had happened to, has step {holder?.Step}");
        }
    }

    private void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            simulation.World.Violate(new Violation(otherwise));
        }
    }

    private static string Line(RunEvent happened) => happened switch
    {
        RunEvent.GenerationProposed e => $"GenerationProposed {e.Generation} of {string.Join(' ', e.Members.Select((place, index) => $"{place.Agent}:{place.Slot}={e.Trainers?[index].Generation ?? e.Generation}.{e.Trainers?[index].Rank ?? place.Rank}[{place.FirstShard}-{place.EndShard}]"))} from step {e.FromStep} {e.Checkpoint}",
        RunEvent.GenerationFailed e => $"GenerationFailed {e.Generation}: {e.Kind} rank {e.Rank} on {e.Agent}: {e.Message}; {e.Survivors?.Count} go on, {e.StepsLost} lost",
        RunEvent.SurvivorLost e => $"SurvivorLost {e.Trainer} {e.Kind} {e.Message}; {e.StepsLost} lost",
        RunEvent.MemberInterrupted e => $"MemberInterrupted {e.Generation}.{e.Rank} by {e.Suspect} after {e.AppliedStep}",
        RunEvent.MemberReady e => $"MemberReady {e.Generation}.{e.Rank}",
        RunEvent.MemberEnded e => $"MemberEnded {e.Generation}.{e.Rank}",
        RunEvent.EpochFinished e => $"EpochFinished {e.Epoch}",
        RunEvent.CheckpointCommitted e => $"CheckpointCommitted {e.Checkpoint.Id}",
        RunEvent.RunEnded e => $"RunEnded {e.Outcome} {e.Message}",
        _ => happened.GetType().Name,
    };
}
