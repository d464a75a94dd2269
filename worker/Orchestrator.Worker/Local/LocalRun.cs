using System.Globalization;
using System.Text.Json;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Worker.Seeing;

namespace Orchestrator.Worker.Local;

/// <summary>A run file trained in this process.</summary>
/// <param name="device"><c>cpu</c> or <c>cuda:0</c>.</param>
internal sealed class LocalRun(RunSpec spec, string datasetDirectory, string checkpointDirectory, string device, bool json) : ITrainingObserver
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private string checkpoint = "";

    /// <returns>The exit code.</returns>
    public int Run() => OneProcess.Told(() =>
    {
        Directory.CreateDirectory(checkpointDirectory);
        using var run = OneProcess.Load(spec, spec.Name.Length > 0 ? spec.Name : "local", datasetDirectory, checkpointDirectory, device);
        Print(OneProcess.Train(run, spec, this));
        return ExitCode.Done;
    });

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
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch}/{spec.Training.Epochs}  step {epoch.Step}  {MetricLine.Of(epoch.Metrics)}  {epoch.Seconds:0.0} s"));
        }
    }

    public void StepEvaluated(long step, int epoch, IReadOnlyDictionary<string, double> metrics)
    {
        if (!json)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch + 1}/{spec.Training.Epochs}  step {step}  {MetricLine.Of(metrics)}"));
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
