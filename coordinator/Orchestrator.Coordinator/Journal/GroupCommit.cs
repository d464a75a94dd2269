using System.Threading.Channels;

namespace Orchestrator.Coordinator.Journal;

/// <summary>What waits for a commit.</summary>
internal interface IPendingWrite
{
    /// <summary>The commit that it was part of did not happen, or it is not known whether it did.</summary>
    void Fail(Exception exception);
}

/// <summary>One loop that commits whatever has queued up while the last commit was under way: many writers, one fsync.</summary>
internal sealed class GroupCommit<TWrite> : IAsyncDisposable
    where TWrite : IPendingWrite
{
    private const int Queued = 4096;
    private const int InOneCommit = 512;

    private readonly Channel<TWrite> queue = Channel.CreateBounded<TWrite>(new BoundedChannelOptions(Queued) { SingleReader = true });
    private readonly Func<IReadOnlyList<TWrite>, Task> commit;
    private readonly JournalTrouble trouble;
    private readonly Task loop;

    /// <param name="commit">Ends every write of the group; where it throws, the whole group fails.</param>
    /// <param name="trouble">Is told how each commit went.</param>
    public GroupCommit(Func<IReadOnlyList<TWrite>, Task> commit, JournalTrouble trouble)
    {
        (this.commit, this.trouble) = (commit, trouble);
        loop = Task.Run(CommitAsync);
    }

    /// <summary>Waits where the queue is full.</summary>
    public async ValueTask EnqueueAsync(TWrite write, CancellationToken cancellationToken)
    {
        try
        {
            await queue.Writer.WriteAsync(write, cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw new JournalException("journal-closed", "The journal is closed.", "Start the coordinator again.");
        }
    }

    /// <summary>Commits what is queued, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await loop;
    }

    private async Task CommitAsync()
    {
        var group = new List<TWrite>(InOneCommit);
        while (await queue.Reader.WaitToReadAsync())
        {
            while (group.Count < InOneCommit && queue.Reader.TryRead(out var write))
            {
                group.Add(write);
            }

            try
            {
                await commit(group);
                trouble.Worked();
            }
            catch (Exception exception)
            {
                if (exception is JournalException { Passing: true } passing)
                {
                    trouble.Failed(passing);
                }

                // Whoever waits for the write sees it: the loop itself lives on.
                group.ForEach(write => write.Fail(exception));
            }

            group.Clear();
        }
    }
}
