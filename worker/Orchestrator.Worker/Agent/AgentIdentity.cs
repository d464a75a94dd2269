using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Orchestrator.V1;

namespace Orchestrator.Worker.Agent;

/// <summary>How this agent introduces itself.</summary>
internal sealed class AgentIdentity(string agentId, AgentOptions options)
{
    public string AgentId { get; } = agentId;

    public string Coordinator { get; } = options.Coordinator.Authority;

    public string Version { get; } = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>The host that peers reach this machine's trainers on.</summary>
    public string Advertise { get; } = options.Advertise ?? AddressTowards(options.Coordinator);

    public Register Register(IEnumerable<RunningTask> running)
    {
        var register = new Register
        {
            AgentId = AgentId,
            Host = Environment.MachineName,
            Pid = Environment.ProcessId,
            Version = Version,
            Advertise = Advertise,
            Embedded = options.Embedded,
        };
        register.Devices.AddRange(options.Devices);
        register.Tasks.AddRange(running);
        return register;
    }

    // Connecting a datagram socket sends nothing; it asks the routing table which address the coordinator is reached from.
    private static string AddressTowards(Uri coordinator)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(coordinator.DnsSafeHost, coordinator.Port);
            var address = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        }
        catch (SocketException)
        {
            return Dns.GetHostName();
        }
    }
}
