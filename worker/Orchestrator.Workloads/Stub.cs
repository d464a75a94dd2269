namespace Orchestrator.Workloads;
public sealed class WorkloadCatalog : Orchestrator.Training.IWorkloadCatalog;
