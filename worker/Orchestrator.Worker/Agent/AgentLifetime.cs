namespace Orchestrator.Worker.Agent;

/// <summary>Why an agent ends.</summary>
internal abstract record AgentEnd
{
    /// <summary>SIGTERM or the coordinator's wish: trainers are handed back, reports delivered.</summary>
    public sealed record Drain : AgentEnd;

    /// <summary>The cluster goes down: at once.</summary>
    public sealed record Shutdown : AgentEnd;

    /// <summary>It can't work at all.</summary>
    public sealed record Refused(int ExitCode, string Message) : AgentEnd;
}

/// <summary>The first wish to end counts, save that a shutdown overtakes a drain.</summary>
internal sealed class AgentLifetime
{
    private readonly TaskCompletionSource<AgentEnd> ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource hurry = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<AgentEnd> Ending => ending.Task;

    /// <summary>Completes when not even reports are to be waited for.</summary>
    public Task Hurry => hurry.Task;

    public void End(AgentEnd end)
    {
        ending.TrySetResult(end);
        if (end is AgentEnd.Shutdown)
        {
            hurry.TrySetResult();
        }
    }
}
