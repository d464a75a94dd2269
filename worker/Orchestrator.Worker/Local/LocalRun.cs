using System.Globalization;
using System.Text.Json;
using Orchestrator.Collectives;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Workloads;
using TorchSharp;

namespace Orchestrator.Worker.Local;

/// <summary>One rank that owns all shards, in this process; what a workload throws comes out with its stack.</summary>
internal sealed class LocalRun(RunSpec spec, string datasetDirectory, string checkpointDirectory, bool json) : ITrainingObserver
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private string checkpoint = "";

    /// <returns>The exit code.</returns>
    public int Run()
    {
        Directory.CreateDirectory(checkpointDirectory);
        torch.set_num_threads(spec.Training.Threads);
        var plan = ShardPlan.Even(spec.Training.Shards, 1);
        try
        {
            var task = new TrainingTask
            {
                Spec = spec,
                Run = spec.Name.Length > 0 ? spec.Name : "local",
                DatasetDirectory = datasetDirectory,
                Plan = plan,
                Rank = 0,
                OutputDirectory = checkpointDirectory,
            };
            using var run = TrainingRun.Load(task, new WorkloadCatalog());
            Print(run.Train(new LocalCollective(plan), this, new StopSignal(), CancellationToken.None));
            return ExitCode.Done;
        }
        catch (Exception mistake) when (mistake is SpecException or DataFormatException)
        {
            throw new CommandException(ExitCode.BadInput, mistake.Message);
        }
        catch (Exception end) when (end is DivergedException or DiskFullException)
        {
            throw new CommandException(ExitCode.Failed, end.Message);
        }
    }

    public void Progress(TrainingProgress progress)
    {
    }

    public void StepMeasured(StepResult step)
    {
    }

    public void EpochFinished(EpochResult epoch)
    {
        if (!json)
        {
            var metrics = string.Join("  ", epoch.Metrics.OrderBy(metric => metric.Key, StringComparer.Ordinal)
                .Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric.Key} {metric.Value:0.0000}")));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch}/{spec.Training.Epochs}  step {epoch.Step}  {metrics}  {epoch.Seconds:0.0} s"));
        }
    }

    public void Warn(string line) => Console.Error.WriteLine(line);

    public void CheckpointWritten(CheckpointResult written) => checkpoint = written.Directory;

    private void Print(TrainingOutcome outcome)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { outcome.Step, outcome.Epoch, outcome.Metrics, outcome.SamplesPerEpoch, outcome.WeightsHash, checkpoint }, Json));
            return;
        }

        Console.WriteLine($"weights  {outcome.WeightsHash}");
        Console.WriteLine($"checkpoint  {checkpoint}");
    }
}
