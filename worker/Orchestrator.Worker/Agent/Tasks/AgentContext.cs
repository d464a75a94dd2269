using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Store;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>What all tasks of an agent share.</summary>
internal sealed record AgentContext(
    AgentOptions Options,
    AgentDirectory Directory,
    string Advertise,
    DatasetCache Datasets,
    CheckpointTransfer Checkpoints,
    SpareTrainers Spares,
    ReportSpool Spool,
    LogBuffer Logs,
    TimeProvider Time,
    ILoggerFactory LoggerFactory)
{
    /// <summary>Set when the next heartbeat should not wait for its time.</summary>
    public Pulse Urgent { get; } = new();
}
