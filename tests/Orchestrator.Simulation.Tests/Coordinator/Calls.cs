using Grpc.Core;

namespace Orchestrator.Simulation.Tests;

/// <summary>One call as the server sees it.</summary>
internal sealed class Call(CancellationToken cancelled) : ServerCallContext
{
    protected override string MethodCore => "";

    protected override string HostCore => "";

    protected override string PeerCore => "";

    protected override DateTime DeadlineCore => DateTime.MaxValue;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore => cancelled;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new("", []);

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
}

/// <summary>What a client sends, as it arrives.</summary>
internal sealed class Arriving<T> : IAsyncStreamReader<T>
{
    private readonly Queue<T> arrived = new();
    private TaskCompletionSource<bool>? reading;
    private bool completed;
    private Exception? broken;

    public T Current { get; private set; } = default!;

    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<bool>(cancellationToken);
        }

        if (arrived.TryDequeue(out var next))
        {
            Current = next;
            return Task.FromResult(true);
        }

        if (broken is not null)
        {
            return Task.FromException<bool>(broken);
        }

        if (completed)
        {
            return Task.FromResult(false);
        }

        var waits = reading = new TaskCompletionSource<bool>();
        cancellationToken.Register(() => waits.TrySetCanceled(cancellationToken));
        return waits.Task;
    }

    public void Give(T message)
    {
        arrived.Enqueue(message);
        if (reading is { Task.IsCompleted: false } waits)
        {
            Current = arrived.Dequeue();
            waits.TrySetResult(true);
        }
    }

    public void Complete()
    {
        completed = true;
        reading?.TrySetResult(false);
    }

    public void Break()
    {
        broken = new IOException("The client reset the request stream.");
        reading?.TrySetException(broken);
    }
}

/// <summary>What the server answers.</summary>
internal sealed class Answering<T>(Action<T> send) : IServerStreamWriter<T>
{
    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message)
    {
        send(message);
        return Task.CompletedTask;
    }

    public Task WriteAsync(T message, CancellationToken cancellationToken) => WriteAsync(message);
}
