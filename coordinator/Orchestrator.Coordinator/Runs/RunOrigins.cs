using System.Text.Json;
using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Lets a run begin where another one's checkpoint stands.</summary>
internal sealed class RunOrigins(RunTable table, IArtifactStore artifacts)
{
    /// <summary>Checks that the run can go on from where another one's epoch ended, and copies the checkpoint.</summary>
    /// <exception cref="UserException">There is no such checkpoint, or the file can't go on from it.</exception>
    public Task<CheckpointOrigin> TakeAsync(TrialSource source, string run, RunSpec spec, string datasetSha256, CancellationToken cancellationToken) =>
        TakeAsync(Retention.AtEndOf(source.Epoch, table.Find(source.Run)?.Checkpoints ?? [])?.Id ?? throw CheckpointApi.Unknown($"{source.Run} at epoch {source.Epoch}"), run, spec, datasetSha256, cancellationToken);

    /// <summary>Checks that the run can go on from the checkpoint, and copies it. Whether the tensors fit only its trainer can tell.</summary>
    /// <param name="run">The new run's identifier.</param>
    /// <exception cref="UserException">There is no such checkpoint, or the file can't go on from it.</exception>
    public async Task<CheckpointOrigin> TakeAsync(string checkpoint, string run, RunSpec spec, string datasetSha256, CancellationToken cancellationToken)
    {
        var (_, record) = table.FindCheckpoint(checkpoint) ?? throw CheckpointApi.Unknown(checkpoint);
        Check(checkpoint, Standing.Read(checkpoint, await ReadManifestAsync(checkpoint, cancellationToken)), spec, datasetSha256);
        var id = $"{run}-{record.Step}";
        var stored = await artifacts.PutAsync(id, artifacts.ReadAsync(checkpoint, cancellationToken), cancellationToken);
        return new CheckpointOrigin(checkpoint, record with { Id = id, Uri = stored.Uri });
    }

    /// <summary>The run did not come about.</summary>
    public Task GiveBackAsync(CheckpointOrigin origin) => artifacts.DeleteAsync(origin.Copy.Id, CancellationToken.None);

    private static void Check(string checkpoint, Standing standing, RunSpec spec, string datasetSha256)
    {
        var (training, then) = (spec.Training, standing.Spec.Training);
        if (standing.Spec.Workload != spec.Workload)
        {
            throw Refused("workload", $"is of a {standing.Spec.Workload}, the file of a {spec.Workload}", "write the same workload");
        }

        if (standing.DatasetSha256 != datasetSha256 || standing.Spec.Dataset.SplitSeed != spec.Dataset.SplitSeed)
        {
            throw Refused("dataset", $"was trained on {standing.Spec.Dataset.Name} as it was then, which is not what {spec.Dataset.Name} is now", "train on the same dataset and split, or begin without --from");
        }

        if (standing.Spec.Seed != spec.Seed)
        {
            throw Refused("seed", $"has the seed {standing.Spec.Seed}, the file {spec.Seed}", "write the same seed: it decides which samples come next");
        }

        if (then.BatchSize != training.BatchSize)
        {
            throw Refused("training.batch_size", $"counts steps of {then.BatchSize} samples, the file's have {training.BatchSize}", "write the same batch_size");
        }

        if (standing.StepOfEpoch > 0 && then.Shards != training.Shards)
        {
            throw Refused("training.shards", $"stands in the middle of an epoch of {then.Shards} shards, the file has {training.Shards}", "write the same shards, or take a checkpoint at an epoch's end");
        }

        if (standing.Epoch >= training.Epochs)
        {
            throw Refused("training.epochs", $"has {standing.Epoch} epochs behind it, and the file trains {training.Epochs}", "write more epochs");
        }

        UserException Refused(string field, string what, string mend) =>
            new(StatusCode.InvalidArgument, "checkpoint-mismatch", $"{field}: checkpoint {checkpoint} {what}", mend);
    }

    private async Task<byte[]> ReadManifestAsync(string checkpoint, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await foreach (var (path, data) in artifacts.ReadAsync(checkpoint, cancellationToken))
        {
            if (path != CheckpointFiles.Manifest)
            {
                break;
            }

            bytes.Write(data.Span);
        }

        return bytes.ToArray();
    }

    /// <summary>What a checkpoint's manifest says of where it stands.</summary>
    private sealed record Standing(int Epoch, long StepOfEpoch, string DatasetSha256, RunSpec Spec)
    {
        public static Standing Read(string checkpoint, byte[] manifest)
        {
            try
            {
                using var document = JsonDocument.Parse(manifest);
                var root = document.RootElement;
                return new Standing(
                    root.GetProperty("epoch").GetInt32(), root.GetProperty("step_of_epoch").GetInt64(), root.GetProperty("dataset_sha256").GetString() ?? "",
                    RunSpec.FromJson(root.GetProperty("spec").GetRawText()));
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new UserException(StatusCode.DataLoss, "corrupt-manifest", $"the manifest of checkpoint {checkpoint} can't be read, or is of another version", "take another checkpoint");
            }
        }
    }
}
