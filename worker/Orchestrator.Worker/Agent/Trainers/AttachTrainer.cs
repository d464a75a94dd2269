using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>Serves a trainer that has dialled, until it ends.</summary>
internal delegate Task AttachTrainer(IAsyncEnumerable<TrainerMessage> messages, Func<TrainerCommand, Task> send, CancellationToken cancellationToken);
