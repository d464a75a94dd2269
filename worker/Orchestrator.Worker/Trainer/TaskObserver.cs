using System.Diagnostics;
using System.Globalization;
using Orchestrator.Training;
using Orchestrator.V1;
using Orchestrator.Worker.Seeing;

namespace Orchestrator.Worker.Trainer;

/// <summary>Passes on to the agent, and to the run's log, what the training thread says; figures that all ranks have come from rank 0 alone.</summary>
internal sealed class TaskObserver(AgentLink link, string run, InjectedFaults faults, Serilog.ILogger log) : ITrainingObserver
{
    private const int StepsAReport = 100;
    private static readonly TimeSpan StepsInterval = TimeSpan.FromSeconds(1);

    private static readonly ActivitySource Source = new("Orchestrator.Trainer");

    private readonly Stopwatch sinceSteps = Stopwatch.StartNew();
    private readonly ActivityContext training = Activity.Current?.Context ?? default;
    private StepMetrics steps = new();
    private DateTimeOffset stepped = DateTimeOffset.UtcNow;
    private (int Generation, int WorldSize)? begun;

    private long told;

    /// <summary>In the present generation.</summary>
    public int Rank { get; private set; }

    public void Begin(int generation, int rank, int worldSize)
    {
        Rank = rank;
        begun = (generation, worldSize);
    }

    public void Progress(TrainingProgress progress) => link.Beat(new TaskProgress
    {
        Step = progress.Step,
        Epoch = progress.Epoch,
        Phase = Name(progress.Phase),
        SamplesPerSecond = progress.SamplesPerSecond,
        ShardSeconds = progress.ShardSeconds,
        ActivationBytes = progress.ActivationBytes,
    });

    public void EpochFinished(EpochResult result)
    {
        if (Rank != 0)
        {
            return;
        }

        FlushSteps();
        var report = new EpochFinished { Epoch = result.Epoch, Step = result.Step, Samples = result.Samples, Seconds = result.Seconds, LedgerHash = result.LedgerHash };
        report.Metrics.Add(result.Metrics.ToDictionary());
        link.Send(new Report { Epoch = report });
        log.Information("epoch {Epoch}, step {Step}: {Metrics}, {Seconds:0.0} s", result.Epoch, result.Step, MetricLine.Of(result.Metrics), result.Seconds);
    }

    public void CheckpointWritten(CheckpointResult result)
    {
        FlushSteps();
        var written = new CheckpointWritten { Checkpoint = result.Id, Step = result.Step, Epoch = result.Epoch, Bytes = result.Bytes, ModelSha256 = result.ModelSha256 };
        written.Metrics.Add(result.Metrics.ToDictionary());
        log.Information("checkpoint {Checkpoint} at step {Step}, {Bytes} bytes", result.Id, result.Step, result.Bytes);
        told++;
        link.Send(new TrainerMessage { Checkpoint = new CheckpointReady { Directory = result.Directory, Written = written } });
    }

    public bool HasDelivered => link.Settled == told;

    public void StepMeasured(StepResult result)
    {
        if (begun is { } generation)
        {
            EndStandstill(generation.Generation, generation.WorldSize, result.Step);
            begun = null;
        }

        stepped = DateTimeOffset.UtcNow;
        if (Rank != 0)
        {
            return;
        }

        var metric = new StepMetric { Step = result.Step, Epoch = result.Epoch };
        metric.Metrics.Add("train_loss", result.TrainLoss);
        metric.Metrics.Add("learning_rate", result.LearningRate);
        metric.Metrics.Add("gradient_norm", result.GradientNorm);
        steps.Steps.Add(metric);
        if (steps.Steps.Count == StepsAReport || sinceSteps.Elapsed > StepsInterval)
        {
            FlushSteps();
        }
    }

    public void StepEvaluated(long step, int epoch, IReadOnlyDictionary<string, double> metrics)
    {
        if (Rank != 0)
        {
            return;
        }

        var metric = new StepMetric { Step = step, Epoch = epoch };
        metric.Metrics.Add(metrics.ToDictionary());
        steps.Steps.Add(metric);
        FlushSteps();
        log.Information("epoch {Epoch}, step {Step}: {Metrics}", epoch + 1, step, MetricLine.Of(metrics));
    }

    public void Reached(TrainingPoint point, long step) => faults.At(point, step);

    public void Warn(string line) => log.Warning("{Line}", line);

    public void FlushSteps()
    {
        if (steps.Steps.Count > 0)
        {
            link.Send(new Report { Steps = steps });
            steps = new StepMetrics();
        }

        sinceSteps.Restart();
    }

    /// <summary>A span from this trainer's last step before a generation, or its beginning, to its first step in it: what a change of members cost.</summary>
    private void EndStandstill(int generation, int worldSize, long step)
    {
        using var span = Source.StartActivity("standstill", ActivityKind.Internal, training, startTime: stepped);
        span?.SetTag("run", run).SetTag("generation", generation).SetTag("rank", Rank).SetTag("world_size", worldSize).SetTag("step", step);
    }

    private static string Name(TrainingPhase phase) => phase switch
    {
        TrainingPhase.Loading => "loading",
        TrainingPhase.Joining => "joining",
        TrainingPhase.FirstStep => "first-step",
        TrainingPhase.Stepping => "training",
        TrainingPhase.Reducing => "waiting",
        TrainingPhase.Evaluating => "evaluating",
        TrainingPhase.Checkpointing => "checkpointing",
        TrainingPhase.Delivering => "delivering",
        _ => throw new UnreachableException(),
    };
}
