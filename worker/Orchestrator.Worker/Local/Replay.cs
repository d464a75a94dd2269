using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Training;

namespace Orchestrator.Worker.Local;

/// <summary>A checkpoint's run made again, from its manifest alone: one rank that owns all shards, however many there were.</summary>
/// <param name="from">The folder of the checkpoint that the run went on from, where it did.</param>
/// <param name="device">As <c>--device</c> says; null for the kind that it was trained on, where this machine has one.</param>
internal sealed class Replay(string checkpoint, string? datasetSource, string datasetFolder, string? from, string? device, bool json) : ITrainingObserver
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly CancellationTokenSource done = new();
    private CheckpointManifest manifest = null!;
    private string made = "";

    /// <returns>0 where all bits agree, 1 where not.</returns>
    public int Run() => OneProcess.Told(() =>
    {
        manifest = CheckpointFolder.Verify(checkpoint);
        CheckOrigin();
        LocalPins.Apply(manifest.Spec.Training);
        var output = Directory.CreateTempSubdirectory("orch-replay-").FullName;
        try
        {
            var watch = Stopwatch.StartNew();
            var probe = Train(output);
            return Tell(CheckpointComparison.Of(made, checkpoint), probe, watch.Elapsed);
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }
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
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch}, step {epoch.Step} of {manifest.Step}"));
        }
    }

    public void CheckpointWritten(CheckpointResult written)
    {
        if (written.Step == manifest.Step)
        {
            made = written.Directory;
            done.Cancel();
        }
    }

    public void Warn(string line) => Console.Error.WriteLine(line);

    /// <returns>The probe hash of this machine.</returns>
    private string Train(string output)
    {
        var spec = manifest.Spec;
        var dataset = LocalDataset.Find(spec.Dataset.Name, datasetSource, datasetFolder);
        using (var opened = Dataset.Open(dataset, spec.Dataset.SplitSeed, verify: false))
        {
            if (opened.Manifest.Sha256 != manifest.DatasetSha256)
            {
                throw new CommandException(
                    ExitCode.BadInput,
                    $"dataset {spec.Dataset.Name} in {dataset} is not what {manifest.Run} was trained on (its manifest is {opened.Manifest.Sha256}, not {manifest.DatasetSha256}); name the same with --dataset-dir");
            }
        }

        // When checkpoints are written decides no bit; here one is, at the step of the first.
        spec = spec with { Training = spec.Training with { Checkpoint = spec.Training.Checkpoint with { Every = new Every((int)manifest.Step, EveryUnit.Step) } } };
        using var run = OneProcess.Load(spec, manifest.Run, dataset, output, SlotDevices.One(device ?? KindOfItsDevice()), from);
        try
        {
            OneProcess.Train(run, spec, this, done.Token);
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            // It has come as far as the checkpoint.
        }

        return run.ProbeHash;
    }

    private void CheckOrigin()
    {
        var mistake = (manifest.Origin, from) switch
        {
            (null, null) => null,
            (null, _) => $"{manifest.Run} began at step 0; leave --from out",
            ({ } origin, null) => $"{manifest.Run} went on from checkpoint {origin.Checkpoint}; fetch that too (orch checkpoint fetch {origin.Checkpoint} -o DIR), and name its folder: --from DIR",
            ({ } origin, _) => CheckpointFolder.Verify(from).Files[CheckpointFolder.ModelFile].Sha256 == origin.ModelSha256 ? null : $"{from} is not checkpoint {origin.Checkpoint}, which {manifest.Run} went on from",
        };
        if (mistake is not null)
        {
            throw new CommandException(ExitCode.BadInput, mistake);
        }
    }

    private string KindOfItsDevice() => manifest.Hardware.Device.StartsWith("cuda", StringComparison.Ordinal) && SlotDevices.GpuCount() > 0 ? "cuda" : SlotDevices.Cpu;

    private int Tell(CheckpointParting parting, string probe, TimeSpan elapsed)
    {
        var first = parting.Tensors.Count > 0 ? parting.Tensors[0] : null;
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(
                new
                {
                    agrees = parting.Agrees,
                    run = manifest.Run,
                    step = manifest.Step,
                    weightsHash = manifest.Files[CheckpointFolder.ModelFile].Sha256,
                    partedAt = parting.Steps is { } range ? new { first = range.First, last = range.Last } : null,
                    tensor = first?.Name,
                    element = first?.Element,
                    tensors = parting.Tensors.Count,
                    sameHardware = probe == manifest.Hardware.ProbeHash,
                },
                Json));
            return parting.Agrees ? ExitCode.Done : ExitCode.Failed;
        }

        if (parting.Agrees)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the bits agree: {manifest.Step} steps of {manifest.Run} made again in {elapsed.TotalSeconds:0.0} s, weights {manifest.Files[CheckpointFolder.ModelFile].Sha256}"));
            return ExitCode.Done;
        }

        Console.WriteLine($"the bits part: {Where(parting.Steps)}");
        if (first is not null)
        {
            var element = first.Element < 0 ? "has another shape" : string.Create(CultureInfo.InvariantCulture, $"differs at element {first.Element}: {first.Left:R} made again, {first.Right:R} in the checkpoint");
            Console.WriteLine($"at step {manifest.Step} {first.Name} {element}; {parting.Tensors.Count} tensors differ in all");
        }

        if (probe != manifest.Hardware.ProbeHash)
        {
            Console.WriteLine($"this machine computes other bits than the one that trained it (probe {probe}, not {manifest.Hardware.ProbeHash}, {manifest.Hardware.Cpu})");
        }

        return ExitCode.Failed;
    }

    private string Where((long First, long Last)? steps) => (manifest.Trail, steps) switch
    {
        (null, _) => "where is not known, for the checkpoint has no trail of its steps",
        (_, null) => "no step's loss or gradient differs, so the tensors were changed after the last of them",
        (_, { First: var a, Last: var b }) when a == b => $"first in the loss or gradient of step {a}",
        (_, { First: var a, Last: var b }) => $"first in the loss or gradient of a step from {a} to {b}",
    };
}
