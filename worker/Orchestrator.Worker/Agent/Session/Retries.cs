using System.Net.Sockets;
using Grpc.Core;
using Polly;
using Polly.Retry;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>One policy for everything that is asked of the coordinator: it may be away for as long as it likes.</summary>
internal static class Retries
{
    /// <summary>Tries for ever, from 0.1 s to 2 s apart with jitter, while the failure is one of the way and not of the question.</summary>
    public static ResiliencePipeline ForEver(TimeProvider time, Action<Exception>? onRetry = null) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(100),
            MaxDelay = TimeSpan.FromSeconds(2),
            ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is { } failure && IsTransient(failure) && !arguments.Context.CancellationToken.IsCancellationRequested),
            OnRetry = arguments =>
            {
                onRetry?.Invoke(arguments.Outcome.Exception!);
                return ValueTask.CompletedTask;
            },
        })
        .Build();

    /// <summary>The coordinator is away, starting, full or in trouble; asked again later it may answer.</summary>
    public static bool IsTransient(Exception failure) => failure switch
    {
        RpcException rpc => rpc.StatusCode is not (StatusCode.Unauthenticated or StatusCode.PermissionDenied or StatusCode.InvalidArgument
            or StatusCode.NotFound or StatusCode.FailedPrecondition or StatusCode.AlreadyExists or StatusCode.OutOfRange or StatusCode.DataLoss),
        HttpRequestException or TimeoutException => true,
        HttpIOException or SocketException => true,
        // The other side ended the stream; a file that can't be written is another matter.
        IOException { InnerException: { } cause } => IsTransient(cause),
        _ => false,
    };
}
