using System.Diagnostics.Metrics;
using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Sessions;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What an operator would set an alert on.</summary>
internal sealed class RunMeters : IDisposable
{
    private readonly Meter meter = new("Orchestrator.Coordinator");
    private readonly Counter<long> failures;

    public RunMeters(RunTable runs, AgentDirectory agents)
    {
        meter.CreateObservableGauge("orchestrator.runs.running", () => runs.ActiveCount, "{run}", "Runs that have a generation.");
        meter.CreateObservableGauge("orchestrator.slots.wanted", () => runs.SlotsWanted, "{slot}", "Slots that waiting and running runs could use at once.");
        meter.CreateObservableGauge("orchestrator.slots.used", () => runs.SlotsUsed, "{slot}", "Slots that generations hold.");
        meter.CreateObservableGauge("orchestrator.agents.ready", () => agents.List().Count(agent => agent.Connected && agent.Phase is WorkerPhase.Ready), "{agent}");
        failures = meter.CreateCounter<long>("orchestrator.run.failures", "{incident}", "Incidents that ended a generation, by kind.");
    }

    public void Failed(FailureKind kind) => failures.Add(1, new KeyValuePair<string, object?>("kind", kind.Name()));

    public void Dispose() => meter.Dispose();
}
