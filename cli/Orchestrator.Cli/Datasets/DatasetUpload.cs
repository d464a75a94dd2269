using Google.Protobuf;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Wire;
using Orchestrator.Data;
using Orchestrator.Data.Importing;
using Orchestrator.V1;

namespace Orchestrator.Cli.Datasets;

/// <summary>Imports a source into a folder of its own, and sends the coordinator the chunks that it lacks.</summary>
internal static class DatasetUpload
{
    private const int PartBytes = 1024 * 1024;

    /// <exception cref="Orchestrator.Data.DataFormatException">The source is not what it should be; the coordinator has heard nothing of it.</exception>
    public static async Task<V1.Dataset> RunAsync(
        Connection connection, string name, string path, ImportOptions options, ProgressLine progress, CancellationToken cancellation)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"orch-dataset-{Guid.NewGuid():n}");
        try
        {
            var rows = new Rows(progress);
            var manifest = await Task.Run(
                () => DatasetImport.Run(path, options, folder, cancellation, rows), cancellation);
            return await SendAsync(connection, name, manifest, folder, progress, cancellation);
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static async Task<V1.Dataset> SendAsync(
        Connection connection, string name, DatasetManifest manifest, string folder, ProgressLine progress, CancellationToken cancellation)
    {
        var question = new FindMissingChunksRequest { Sha256 = { manifest.Chunks.Select(chunk => chunk.Sha256).Distinct(StringComparer.Ordinal) } };
        var missing = (await connection.Datasets.FindMissingChunksAsync(question, cancellationToken: cancellation)).Sha256
            .ToHashSet(StringComparer.Ordinal);
        var whole = manifest.Chunks.Where(chunk => missing.Contains(chunk.Sha256)).DistinctBy(chunk => chunk.Sha256).Sum(chunk => chunk.Bytes);
        var sent = 0L;
        using var call = connection.Datasets.AddDataset(cancellationToken: cancellation);
        try
        {
            await call.RequestStream.WriteAsync(
                new() { Manifest = new() { Name = name, Manifest = ByteString.CopyFrom(manifest.ToBytes()) } }, cancellation);
            foreach (var sha256 in missing)
            {
                await using var file = File.OpenRead(Orchestrator.Data.Dataset.ChunkPath(folder, sha256));
                var buffer = new byte[PartBytes];
                int read;
                while ((read = await file.ReadAtLeastAsync(buffer, PartBytes, throwOnEndOfStream: false, cancellation)) > 0)
                {
                    // Copied: the call may still hold the part when the next is read.
                    var part = new ChunkPart { Sha256 = sha256, Data = ByteString.CopyFrom(buffer, 0, read) };
                    await call.RequestStream.WriteAsync(new() { Chunk = part }, cancellation);
                    progress.Show(sent += read, whole);
                }
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception exception) when (exception is InvalidOperationException or RpcException && call.ResponseAsync.IsFaulted)
        {
            // The coordinator refused in mid-stream: its answer says why.
        }

        return await call.ResponseAsync;
    }

    // Progress<T> would report from the pool, out of order; a line on a terminal wants them as they come.
    private sealed class Rows(ProgressLine line) : IProgress<long>
    {
        public void Report(long value) => line.Say($"importing {value} rows");
    }
}
