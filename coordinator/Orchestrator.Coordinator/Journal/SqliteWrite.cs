
namespace Orchestrator.Coordinator.Journal;

/// <summary>A write that waits for its group's commit.</summary>
internal abstract class SqliteWrite : IPendingWrite
{
    /// <summary>Within the group's transaction.</summary>
    public abstract void Run(SqliteWriter writer);

    /// <summary>The transaction is durable.</summary>
    public abstract void Succeed();

    /// <inheritdoc/>
    public abstract void Fail(Exception exception);
}

/// <inheritdoc/>
internal sealed class SqliteWrite<T>(Func<SqliteWriter, T> write) : SqliteWrite
{
    private readonly TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? result;
    private Exception? refusal;

    public Task<T> Done => done.Task;

    public override void Run(SqliteWriter writer)
    {
        try
        {
            result = write(writer);
        }
        catch (Exception exception) when (exception is StreamConflictException or JournalException)
        {
            // Refused before it wrote anything: the rest of the group goes on.
            refusal = exception;
        }
    }

    public override void Succeed()
    {
        if (refusal is null)
        {
            done.TrySetResult(result!);
        }
        else
        {
            done.TrySetException(refusal);
        }
    }

    public override void Fail(Exception exception) => done.TrySetException(refusal ?? exception);
}
