using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Agent;

/// <summary>What an agent is told at its start.</summary>
internal sealed record AgentOptions
{
    internal static readonly TimeSpan DefaultDrainPatience = TimeSpan.FromSeconds(20);

    public required Uri Coordinator { get; init; }

    /// <summary>One a slot: cpu, cuda:0.</summary>
    public required IReadOnlyList<string> Devices { get; init; }

    /// <summary>Read again at every connection, so that a token can be changed under a running agent.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Where peers reach this machine's trainers; null: the address that reaches the coordinator.</summary>
    public string? Advertise { get; init; }

    public PortRange? PeerPorts { get; init; }

    public required string DataDirectory { get; init; }

    /// <summary>How long trainers have to hand over before they are ended, when the agent drains.</summary>
    public TimeSpan DrainPatience { get; init; } = DefaultDrainPatience;

    /// <summary>A warm trainer waits for the next task.</summary>
    public bool KeepsSpare { get; init; } = true;

    /// <summary>Started by the coordinator's own worker pool.</summary>
    public bool Embedded { get; init; }

    /// <exception cref="CommandException">The token file can't be read, or is empty.</exception>
    public string? ReadToken()
    {
        if (TokenFile is null)
        {
            return Environment.GetEnvironmentVariable("ORCH_TOKEN") is { Length: > 0 } token ? token : null;
        }

        try
        {
            var text = File.ReadAllText(TokenFile).Trim();
            return text.Length > 0 ? text : throw new CommandException(ExitCode.BadInput, $"--token-file {TokenFile} is empty; put the cluster's token into it");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInput, $"--token-file {TokenFile} can't be read: {failure.Message}");
        }
    }
}
