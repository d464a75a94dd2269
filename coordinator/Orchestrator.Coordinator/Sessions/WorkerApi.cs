using Grpc.Core;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Api;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>What people ask of workers.</summary>
internal sealed class WorkerApi(AgentDirectory agents, AgentWatch watch, EmbeddedWorkers embedded, TimeProvider time) : WorkerService.WorkerServiceBase
{
    private const int MostWorkers = 1024;

    /// <summary>A lost one is shown for a while; it may come back.</summary>
    private static readonly TimeSpan LostShown = TimeSpan.FromMinutes(10);

    public override Task<ListWorkersResponse> ListWorkers(ListWorkersRequest request, ServerCallContext context) => Task.FromResult(List());

    public override async Task<V1.Worker> DrainWorker(DrainWorkerRequest request, ServerCallContext context)
    {
        if (agents.Find(request.Id) is not { Phase: not WorkerPhase.Lost })
        {
            throw new UserException(StatusCode.NotFound, "unknown-worker", $"there is no worker {request.Id}", "orch worker list shows those that are");
        }

        embedded.Leaving(request.Id);
        await watch.DrainAsync(request.Id, context.CancellationToken);
        return agents.Find(request.Id) is { } agent ? ViewOf(agent) : new V1.Worker { Id = request.Id, State = "draining" };
    }

    public override async Task<ListWorkersResponse> ScaleWorkers(ScaleWorkersRequest request, ServerCallContext context)
    {
        if (!embedded.IsEnabled)
        {
            throw new UserException(
                StatusCode.FailedPrecondition, "not-embedded", "this coordinator starts no agents itself", "start them with orch agent, or scale the chart's worker pool");
        }

        if (request.Workers is < 0 or > MostWorkers)
        {
            throw new UserException(StatusCode.InvalidArgument, "out-of-range", $"{request.Workers} workers", $"0 to {MostWorkers}");
        }

        await embedded.ScaleAsync(request.Workers, context.CancellationToken);
        return List();
    }

    private static V1.Worker ViewOf(AgentView agent)
    {
        var worker = new V1.Worker
        {
            Id = agent.Identity.Id,
            State = agent.Phase switch
            {
                WorkerPhase.Ready => "ready",
                WorkerPhase.Draining => "draining",
                _ => "lost",
            },
            Host = agent.Identity.Host,
            Device = agent.Identity.Devices.Count > 0 ? agent.Identity.Devices[0].Split(':', 2)[0] : "",
            Slots = agent.Identity.Devices.Count,
            Pid = agent.Identity.Pid,
        };
        worker.Trainers.AddRange(agent.Trainers.Select(trainer => new Trainer { Pid = trainer.Pid, Run = trainer.Task.Run, Rank = trainer.Task.Rank }));
        return worker;
    }

    private ListWorkersResponse List()
    {
        var response = new ListWorkersResponse();
        response.Workers.AddRange(agents.List().Where(agent => agent.Phase is not WorkerPhase.Lost || time.GetUtcNow() - agent.Since < LostShown).Select(ViewOf));
        return response;
    }
}
