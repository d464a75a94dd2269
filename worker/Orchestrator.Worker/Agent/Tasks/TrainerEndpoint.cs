using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>Where trainers dial in: a socket of this machine, open to this user alone, and a secret a child.</summary>
internal sealed class TrainerEndpoint(TaskTable tasks, SpareTrainers spares) : TrainerService.TrainerServiceBase
{
    public override async Task Session(IAsyncStreamReader<TrainerMessage> requestStream, IServerStreamWriter<TrainerCommand> responseStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken)
            || requestStream.Current.Hello is not { } hello
            || await FindAsync(hello.Secret, context.CancellationToken) is not { } attach)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, "This trainer is not one of ours."));
        }

        try
        {
            await attach(requestStream.ReadAllAsync(context.CancellationToken), command => responseStream.WriteAsync(command, context.CancellationToken), context.CancellationToken);
        }
        catch (Exception broken) when (broken is IOException or OperationCanceledException)
        {
            // The trainer is gone; its exit says how.
        }
    }

    // A spare waits here until somebody wants it.
    private async Task<AttachTrainer?> FindAsync(string secret, CancellationToken cancellationToken) =>
        spares.Find(secret) is { } spare ? await spare.TakerAsync(cancellationToken) : tasks.FindBySecret(secret) is { } task ? task.AttachAsync : null;
}
