using Grpc.Core;
using Orchestrator.V1;

namespace Orchestrator.Worker.Tests.Cluster;

/// <summary>The open session of the one agent.</summary>
internal sealed class AgentSessions
{
    private readonly SemaphoreSlim writing = new(1, 1);
    private volatile IServerStreamWriter<CoordinatorMessage>? writer;
    private CancellationTokenSource breaking = new();

    public bool Open => writer is not null;

    public CancellationToken Begin(IServerStreamWriter<CoordinatorMessage> stream)
    {
        breaking = new CancellationTokenSource();
        writer = stream;
        return breaking.Token;
    }

    public void End(IServerStreamWriter<CoordinatorMessage> stream) => _ = writer == stream ? writer = null : null;

    public void BreakAll()
    {
        // Nobody takes it for the next one, though who serves it may need a moment to see its end.
        writer = null;
        breaking.Cancel();
    }

    public async Task SendAsync(CoordinatorMessage message)
    {
        await Eventually.Holds(() => Open, () => "no session to send on");
        await writing.WaitAsync();
        try
        {
            await writer!.WriteAsync(message);
        }
        finally
        {
            writing.Release();
        }
    }
}
