using System.Diagnostics.Metrics;
using Orchestrator.Coordinator.Api;

namespace Orchestrator.Coordinator.Observability;

/// <summary>The cluster's figures as gauges, to alert on and to scale by.</summary>
internal sealed class ClusterMetrics
{
    public const string MeterName = "Orchestrator.Cluster";

    public ClusterMetrics(IMeterFactory meters, ClusterFigures figures)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("orchestrator.workers", () => figures.Workers(), "{worker}", "Agents that are ready.");
        meter.CreateObservableGauge("orchestrator.slots", () => figures.Slots(), "{slot}", "Slots of the ready agents.");
        meter.CreateObservableGauge("orchestrator.slots_wanted", () => figures.SlotsWanted(), "{slot}", "Slots that waiting and running runs could use at once.");
        meter.CreateObservableGauge("orchestrator.dead_letters", () => figures.DeadLetters(), "{message}", "Messages that the broker gave up on.");
    }
}
