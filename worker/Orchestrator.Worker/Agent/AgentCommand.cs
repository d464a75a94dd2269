using System.CommandLine;
using System.Globalization;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Agent;

/// <summary><c>agent --coordinator HOST:PORT</c>: one a machine or pod; dials the coordinator and runs its trainers.</summary>
internal static class AgentCommand
{
    public static Command Create()
    {
        var coordinator = new Option<string>("--coordinator") { Description = "HOST:PORT of the coordinator.", Required = true };
        var slots = new Option<int?>("--slots") { Description = "Trainers at a time, one a device (default: the GPUs, or 1)." };
        var device = new Option<string>("--device") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
        var tokenFile = new Option<string?>("--token-file") { Description = "A file that holds the cluster's token." };
        var advertise = new Option<string?>("--advertise") { Description = "The host that peers reach this machine's trainers on." };
        var peerPorts = new Option<string?>("--peer-ports") { Description = "A-B: the ports that trainers listen on for their peers." };
        var dataDirectory = new Option<string>("--data-dir") { Description = "Identity, spool, caches and logs.", DefaultValueFactory = _ => Path.Combine(".orch", "agent") };
        var noSpare = new Option<bool>("--no-spare") { Description = "Keep no warm trainer in reserve." };
        var drainSeconds = new Option<int>("--drain-seconds") { Description = "Time that trainers have to hand over when the agent drains.", DefaultValueFactory = _ => 20 };
        var embedded = new Option<bool>("--embedded") { Description = "Belongs to the coordinator's own worker pool.", Hidden = true };
        var command = new Command("agent", "Dials the coordinator and runs its trainers on this machine.")
        {
            coordinator, slots, device, tokenFile, advertise, peerPorts, dataDirectory, noSpare, drainSeconds, embedded,
        };
        command.SetAction((parsed, cancellationToken) => AgentHost.RunAsync(
            new AgentOptions
            {
                Coordinator = Address(parsed.GetRequiredValue(coordinator)),
                Devices = SlotDevices.Of(parsed.GetRequiredValue(device), parsed.GetValue(slots)),
                TokenFile = parsed.GetValue(tokenFile),
                Advertise = parsed.GetValue(advertise),
                PeerPorts = Ports(parsed.GetValue(peerPorts)),
                DataDirectory = Path.GetFullPath(parsed.GetRequiredValue(dataDirectory)),
                DrainPatience = parsed.GetValue(drainSeconds) is >= 0 and <= 86_400 and var seconds
                    ? TimeSpan.FromSeconds(seconds)
                    : throw new CommandException(ExitCode.BadInput, $"--drain-seconds {parsed.GetValue(drainSeconds)} is not between 0 and 86400"),
                KeepsSpare = !parsed.GetValue(noSpare),
                Embedded = parsed.GetValue(embedded),
            },
            cancellationToken));
        return command;
    }

    private static Uri Address(string text)
    {
        var address = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && (uri.Port != 80 || address.EndsWith(":80", StringComparison.Ordinal))
            ? uri
            : throw new CommandException(ExitCode.BadInput, $"--coordinator {text} is not HOST:PORT, such as 127.0.0.1:7070");
    }

    private static PortRange? Ports(string? text) => text is null
        ? null
        : PortRange.TryParse(text) ?? throw new CommandException(ExitCode.BadInput, $"--peer-ports {text} is not A-B, such as 20000-20100");
}
