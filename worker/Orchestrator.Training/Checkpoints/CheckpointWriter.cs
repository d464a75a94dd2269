using System.Diagnostics;
using Orchestrator.Data.Formats;

namespace Orchestrator.Training.Checkpoints;

/// <summary>
/// Writes checkpoints on another thread, one at a time: the step waits for the memory copy only, and for the last checkpoint where that one is still being written. Every rank keeps the copy, one of
/// them writes it; should that one die with it, another can. A full disk is waited for: the state lies in memory, and training goes on beside it.
/// </summary>
/// <param name="warn">Hears once a checkpoint, from another thread, that its disk is full.</param>
internal sealed class CheckpointWriter(StateSnapshot snapshot, string outputDirectory, Action<string> warn) : IDisposable
{
    /// <summary>Well below what the watch over the trainers takes for a hang.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private Task<CheckpointResult>? writing;
    private CheckpointOrder? held;
    private bool begun;

    /// <summary>The step of the checkpoint whose memory is kept; -1 where none is.</summary>
    public long HeldStep => held?.Step ?? -1;

    /// <summary>Whether this rank wrote, or is writing, the one that it keeps.</summary>
    public bool HasBegun => begun;

    public bool IsWriting => writing is not null;

    /// <summary>Copies the state. The checkpoint before has been taken with <see cref="TryTake"/>.</summary>
    public void Hold(CheckpointOrder order)
    {
        if (writing is not null)
        {
            throw new InvalidOperationException("A checkpoint is still being written.");
        }

        snapshot.Take();
        (held, begun) = (order, false);
    }

    /// <summary>Begins to write what is kept.</summary>
    public void Begin(CancellationToken cancellationToken)
    {
        var order = held ?? throw new InvalidOperationException("There is no checkpoint to write.");
        begun = true;
        writing = Task.Run(() => Write(order, cancellationToken), cancellationToken);
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

        var done = writing;
        writing = null;
        return done.GetAwaiter().GetResult();
    }

    /// <summary>The hash that <c>model.safetensors</c> would have now.</summary>
    public string HashNow()
    {
        held = null;
        snapshot.Take();
        return SafetensorsWriter.Hash(snapshot.Model());
    }

    /// <summary>Waits for the one in flight: its memory may not go away under it.</summary>
    public void Dispose()
    {
        writing?.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        snapshot.Dispose();
    }

    private CheckpointResult Write(CheckpointOrder order, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(outputDirectory, order.Id);
        var (manifest, bytes) = WriteOnceThereIsRoom(
            order.Id, () => CheckpointFolder.Write(directory, order.Describe, snapshot.Model(), snapshot.Optimizer(), cancellationToken), cancellationToken);
        return new CheckpointResult(order.Id, directory, manifest.Step, manifest.Epoch, bytes, manifest.Files[CheckpointFolder.ModelFile].Sha256, manifest.Metrics);
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

/// <summary>A checkpoint that is due.</summary>
internal sealed record CheckpointOrder(string Id, long Step, Func<SortedDictionary<string, CheckpointFile>, CheckpointManifest> Describe);
