using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>What a trainer finds in its environment.</summary>
internal static class TrainerEnvironment
{
    public const string Secret = "ORCH_TRAINER_SECRET";
    public const string PeerPorts = "ORCH_PEER_PORTS";
    public const string Telemetry = "ORCH_OTLP_ENDPOINT";
    public const string Token = "ORCH_TOKEN";

    /// <summary>All but its secret.</summary>
    /// <param name="training">Its threads and hardware decide the bits.</param>
    public static Dictionary<string, string> Create(AgentOptions options, TrainingSpec training)
    {
        return new Dictionary<string, string>(HardwarePins.Environment(training).Concat(HostAllocator.Environment), StringComparer.Ordinal)
        {
            [Telemetry] = options.Coordinator.ToString(),
            [Token] = options.ReadToken() ?? "",
            [PeerPorts] = options.PeerPorts?.ToString() ?? "",
            // The runtime's pipes for debuggers outlive a process that is killed, and killing trainers is everyday work.
            ["DOTNET_EnableDiagnostics"] = "0",
        };
    }
}
