using Grpc.Core;
using Orchestrator.Cli.Terminal;
using Orchestrator.V1;

namespace Orchestrator.Cli.Checkpoints;

/// <summary>Brings a checkpoint's files into a folder: aside first, checked, then in one move, so that what lies there is whole.</summary>
public static class CheckpointDownload
{
    /// <param name="WeightsHash">See <see cref="CheckpointManifest.WeightsHash"/>.</param>
    /// <param name="IsDirectory">It is what a command's program kept.</param>
    public sealed record Fetched(string Id, string Path, string WeightsHash, bool IsDirectory);

    /// <param name="parts">The files one after the other, as the coordinator streams them.</param>
    /// <param name="folder">Must not exist, be empty, or hold a checkpoint, which is replaced.</param>
    /// <param name="progress">Bytes received so far, and the whole (0 where unknown).</param>
    /// <exception cref="CliException">The folder holds something else, or a file is not what the manifest says, or the disk is full; nothing is left behind.</exception>
    public static async Task<Fetched> SaveAsync(
        IAsyncEnumerable<FilePart> parts, string folder, CancellationToken cancellation, Action<long, long>? progress = null)
    {
        var target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(folder));
        CheckTarget(target);
        var aside = $"{target}.partial-{Guid.NewGuid():n}";
        try
        {
            Directory.CreateDirectory(aside);
            var checkpoint = await WriteAsync(parts, aside, progress, cancellation);
            var manifest = await CheckpointManifest.VerifyAsync(aside, cancellation);
            if (manifest.Directory is not null)
            {
                CommandDirectory.Unpack(aside, manifest);
                await CheckpointManifest.VerifyAsync(aside, cancellation);
            }

            CheckTarget(target);
            if (Directory.Exists(target))
            {
                Directory.Delete(target, recursive: true);
            }

            Directory.Move(aside, target);
            return new(checkpoint.Id, target, manifest.WeightsHash, manifest.Directory is not null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The system names the folder aside, which is nobody's but ours.
            var reason = exception.Message.Split(" : ")[0].Replace(aside, target, StringComparison.Ordinal).TrimEnd('.');
            throw CliException.BadInput($"{target} can't be written: {reason}; free some space there, or name another folder");
        }
        finally
        {
            if (Directory.Exists(aside))
            {
                Directory.Delete(aside, recursive: true);
            }
        }
    }

    private static async Task<Checkpoint> WriteAsync(
        IAsyncEnumerable<FilePart> parts, string aside, Action<long, long>? progress, CancellationToken cancellation)
    {
        var checkpoint = new Checkpoint();
        var received = 0L;
        FileStream? file = null;
        try
        {
            await foreach (var part in parts.WithCancellation(cancellation))
            {
                checkpoint = part.Checkpoint ?? checkpoint;
                var path = System.IO.Path.Combine(aside, CheckpointManifest.CheckName(part.Path));
                if (file?.Name != path)
                {
                    await Finish(file);
                    file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                }

                await file.WriteAsync(part.Data.Memory, cancellation);
                progress?.Invoke(received += part.Data.Length, checkpoint.Bytes);
            }
        }
        finally
        {
            await Finish(file);
        }

        return checkpoint;
    }

    private static async Task Finish(FileStream? file)
    {
        if (file is not null)
        {
            file.Flush(flushToDisk: true);
            await file.DisposeAsync();
        }
    }

    private static void CheckTarget(string target)
    {
        if (File.Exists(target))
        {
            throw CliException.BadInput($"{target} is a file; name a folder");
        }

        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any() && !File.Exists(System.IO.Path.Combine(target, CheckpointManifest.Name)))
        {
            throw CliException.BadInput($"{target} holds something that is no checkpoint; name another folder, or empty it");
        }
    }
}
