using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Store;

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
    ILoggerFactory LoggerFactory);
