using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>A checkpoint's <c>manifest.json</c>: where the run stood, and what decided it.</summary>
public sealed record CheckpointManifest
{
    public const int Version = 1;

    public int FormatVersion { get; init; } = Version;

    public required string Run { get; init; }

    /// <summary>Steps applied since the run began.</summary>
    public required long Step { get; init; }

    /// <summary>Whole epochs done.</summary>
    public required int Epoch { get; init; }

    /// <summary>Steps done of the epoch after those.</summary>
    public required long StepOfEpoch { get; init; }

    public required long Seed { get; init; }

    public required RunSpec Spec { get; init; }

    /// <summary>SHA-256 of the dataset's manifest.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>The dataset's manifest: features, means, classes; what prediction needs without the dataset.</summary>
    public required JsonObject Dataset { get; init; }

    /// <summary>Of the epoch that the checkpoint stands in; of the last whole one at its end.</summary>
    public required LedgerEntry Ledger { get; init; }

    /// <summary>The sum of the sample losses of the epoch's steps so far.</summary>
    public required double EpochLoss { get; init; }

    /// <summary>What its steps have computed, in a few bytes, for whoever makes the run again; null where the run went on from a checkpoint without.</summary>
    public StepTrailRecord? Trail { get; init; }

    /// <summary>Of the last whole epoch.</summary>
    public required SortedDictionary<string, double> Metrics { get; init; }

    /// <summary>Null where nothing in the file asks for it, and in older checkpoints.</summary>
    public MetricCourse? Course { get; init; }

    /// <summary>The checkpoint of another run that this run went on from; null where it began at step 0.</summary>
    public CheckpointSource? Origin { get; init; }

    public required HardwareFacts Hardware { get; init; }

    /// <summary>By name: model.safetensors, optimizer.safetensors.</summary>
    public required SortedDictionary<string, CheckpointFile> Files { get; init; }

    internal static JsonSerializerOptions Json { get; } = new(SpecJson.Options)
    {
        WriteIndented = true,
        NewLine = "\n",
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };
}

/// <param name="Checkpoint">Its identifier.</param>
/// <param name="ModelSha256">Of its model.safetensors.</param>
public sealed record CheckpointSource(string Checkpoint, string ModelSha256)
{
    /// <summary>What a run that goes on from a checkpoint has to name: another run's checkpoint, or what its own names already.</summary>
    internal static CheckpointSource? Of(CheckpointManifest? checkpoint, string run) => checkpoint is null || checkpoint.Run == run
        ? checkpoint?.Origin
        : new CheckpointSource(string.Create(CultureInfo.InvariantCulture, $"{checkpoint.Run}-{checkpoint.Step}"), checkpoint.Files[CheckpointFolder.ModelFile].Sha256);
}

/// <param name="Samples">Used in committed steps.</param>
/// <param name="Hash">16 hexadecimal digits, free of their order.</param>
public sealed record LedgerEntry(long Samples, string Hash);

public sealed record CheckpointFile(string Sha256, long Bytes);

/// <param name="Pins">The environment that pins the instruction set, as it was.</param>
/// <param name="Versions">Of .NET, TorchSharp and this program.</param>
/// <param name="Threads">Intra-op threads of a rank.</param>
public sealed record HardwareFacts(
    string Cpu, string Device, int Threads, string ProbeHash, SortedDictionary<string, string> Pins, SortedDictionary<string, string> Versions);
