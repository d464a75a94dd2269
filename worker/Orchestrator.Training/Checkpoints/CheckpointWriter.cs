using System.Diagnostics;
using Orchestrator.Data.Formats;

namespace Orchestrator.Training.Checkpoints;

/// <summary>
/// Writes checkpoints on another thread, one at a time: the step waits for the memory copy only, and for the last checkpoint where that one is still being written.
/// A full disk is waited for: the state lies in memory, and training goes on beside it.
/// </summary>
/// <param name="warn">Hears once a checkpoint, from another thread, that its disk is full.</param>
internal sealed class CheckpointWriter(StateSnapshot snapshot, string outputDirectory, Action<string> warn) : IDisposable
{
    /// <summary>Well below what the watch over the trainers takes for a hang.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private Task<CheckpointResult>? writing;

    /// <summary>Copies the state and begins to write it. The checkpoint before has been taken with <see cref="TryTake"/>.</summary>
    public void Begin(Func<SortedDictionary<string, CheckpointFile>, CheckpointManifest> describe, string id, CancellationToken cancellationToken)
    {
        if (writing is not null)
        {
            throw new InvalidOperationException("A checkpoint is still being written.");
        }

        snapshot.Take();
        writing = Task.Run(() => Write(describe, id, cancellationToken), cancellationToken);
    }

    /// <summary>The checkpoint that was written since; null where none is, or none is done yet.</summary>
    /// <param name="wait">For the one that is being written.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    public CheckpointResult? TryTake(bool wait)
    {
        if (writing is null || (!wait && !writing.IsCompleted))
        {
            return null;
        }

        var done = writing.GetAwaiter().GetResult();
        writing = null;
        return done;
    }

    /// <summary>The hash that <c>model.safetensors</c> would have now.</summary>
    public string HashNow()
    {
        snapshot.Take();
        return SafetensorsWriter.Hash(snapshot.Model());
    }

    /// <summary>Waits for the one in flight: its memory may not go away under it.</summary>
    public void Dispose()
    {
        writing?.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        snapshot.Dispose();
    }

    private CheckpointResult Write(Func<SortedDictionary<string, CheckpointFile>, CheckpointManifest> describe, string id, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(outputDirectory, id);
        var (manifest, bytes) = WriteOnceThereIsRoom(id, () => CheckpointFolder.Write(directory, describe, snapshot.Model(), snapshot.Optimizer(), cancellationToken), cancellationToken);
        return new CheckpointResult(id, directory, manifest.Step, manifest.Epoch, bytes, manifest.Files[CheckpointFolder.ModelFile].Sha256, manifest.Metrics);
    }

    private T WriteOnceThereIsRoom<T>(string id, Func<T> write, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        for (var said = false; ; said = true)
        {
            try
            {
                return write();
            }
            catch (IOException full) when (DiskSpace.IsFull(full))
            {
                if (Stopwatch.GetElapsedTime(began) > Patience)
                {
                    throw new DiskFullException(id, outputDirectory, full);
                }

                if (!said)
                {
                    warn($"checkpoint {id} waits: no space is left in {outputDirectory}; free some");
                }

                cancellationToken.WaitHandle.WaitOne(Pause);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }
}
