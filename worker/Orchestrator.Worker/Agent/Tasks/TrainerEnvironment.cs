using Orchestrator.Training;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>What a trainer finds in its environment.</summary>
internal static class TrainerEnvironment
{
    public const string Secret = "ORCH_TRAINER_SECRET";
    public const string PeerPorts = "ORCH_PEER_PORTS";
    public const string Telemetry = "ORCH_OTLP_ENDPOINT";
    public const string Token = "ORCH_TOKEN";

    /// <param name="threads">Intra-op threads of a rank; with the pinned instruction set it decides the bits.</param>
    public static Dictionary<string, string> Create(AgentOptions options, string secret, int threads)
    {
        return new Dictionary<string, string>(HardwarePins.Environment(threads), StringComparer.Ordinal)
        {
            [Secret] = secret,
            [Telemetry] = options.Coordinator.ToString(),
            [Token] = options.ReadToken() ?? "",
            [PeerPorts] = options.PeerPorts?.ToString() ?? "",
        };
    }
}
