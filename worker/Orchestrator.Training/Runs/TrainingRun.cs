using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Training.Evaluation;

namespace Orchestrator.Training;

/// <summary>A trainer's part in a run. A process trains one at a time: torch's random generator and thread count belong to the process.</summary>
public sealed class TrainingRun : IDisposable
{
    private readonly LoadedRun loaded;

    private TrainingRun(LoadedRun loaded, string probeHash)
    {
        this.loaded = loaded;
        ProbeHash = probeHash;
    }

    /// <summary>Opens the dataset, builds the model, takes up the checkpoint, and computes the probe hash.</summary>
    /// <exception cref="Specs.SpecException">A mistake in the file, as far as only the model shows it.</exception>
    /// <exception cref="CorruptCheckpointException">The checkpoint is damaged, or not of this run.</exception>
    /// <exception cref="DataFormatException">The dataset is damaged.</exception>
    public static TrainingRun Load(TrainingTask task, IWorkloadCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(catalog);
        var opened = LoadedRun.Open(task, catalog);
        try
        {
            return new TrainingRun(opened, HardwareProbe.Hash(task.Device));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Equal on machines that compute equal bits; a gang takes equal ones only.</summary>
    public string ProbeHash { get; }

    /// <summary>One line about the machine, for people.</summary>
    public string Hardware => Facts.Cpu;

    /// <summary>Trains to the end of the file's epochs, from the checkpoint's step on, in one generation.</summary>
    /// <param name="collective">Of this rank, with the task's plan; not disposed of.</param>
    /// <inheritdoc cref="TrainingSession.Train" path="/exception"/>
    public TrainingOutcome Train(ICollective collective, ITrainingObserver observer, StopSignal stop, CancellationToken cancellationToken)
    {
        using var session = Open(observer, stop);
        return session.Train(collective, GenerationStart.Only, cancellationToken)!;
    }

    /// <summary>Takes part in the run for as long as it goes on, through any number of generations.</summary>
    /// <param name="joins">The run is under way: its state comes from a peer.</param>
    public TrainingSession Open(ITrainingObserver observer, StopSignal stop, bool joins = false)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(stop);
        return new TrainingSession(loaded, !joins, observer, stop, Facts);
    }

    /// <summary>Does once for nothing what a newcomer does while others wait for it. Only for one that takes a peer's state next: its own is another afterwards.</summary>
    /// <param name="sender">The other end of <paramref name="taker"/>, in this process.</param>
    public void Rehearse(ICollective sender, ICollective taker) => Rehearsal.Run(loaded, Facts, sender, taker);

    /// <summary>Scores the test split with the checkpoint's weights: <c>test_loss</c>, <c>test_accuracy</c>, <c>test_accuracy_CLASS</c>. Empty where there is no test split.</summary>
    /// <param name="alive">Called for every batch, from the calling thread.</param>
    public IReadOnlyDictionary<string, double> EvaluateTest(Action alive, CancellationToken cancellationToken)
    {
        using var span = TrainingSpans.Source.StartActivity("evaluate");
        using var average = loaded.Optimizer.UseAverage();
        var evaluator = new Evaluator(loaded.Workload, loaded.Model, loaded.Dataset.Manifest, loaded.Spec.Seed);
        return evaluator.Run(
            loaded.Dataset.Split(SplitName.Test), "test_", detailed: true, new LocalCollective(ShardPlan.Even(1, 1)), alive, cancellationToken);
    }

    public void Dispose() => loaded.Dispose();

    private HardwareFacts Facts => HardwareReport.Collect(loaded.Task.Device, loaded.Spec.Training.Threads, ProbeHash);
}
