using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>Where a listener binds.</summary>
/// <param name="Port">0 for any free one.</param>
public sealed record ListenAddress(IPAddress Address, int Port)
{
    /// <summary>True where only this machine can connect.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Address);

    /// <summary>HOST:PORT, [V6]:PORT or *:PORT.</summary>
    /// <exception cref="StartupException">It is none of these, or the host is not known.</exception>
    public static ListenAddress Parse(string option, string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            throw new StartupException($"{option} {text} is not HOST:PORT", "write it like 127.0.0.1:5080, with a port from 0 to 65535");
        }

        return new ListenAddress(Resolve(option, text[..colon].Trim('[', ']')), port);
    }

    /// <summary>The address with the port that was bound, as this machine reaches it.</summary>
    public string UriAt(int port)
    {
        var reachable = Address.Equals(IPAddress.Any) ? IPAddress.Loopback : Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : Address;
        return reachable.AddressFamily == AddressFamily.InterNetworkV6 ? $"http://[{reachable}]:{port}" : $"http://{reachable}:{port}";
    }

    public override string ToString() => $"{new IPEndPoint(Address, Port)}";

    private static IPAddress Resolve(string option, string host)
    {
        if (host is "*" or "+")
        {
            return IPAddress.Any;
        }

        // localhost may mean two addresses, and a free port of one is not free on the other.
        if (host == "localhost")
        {
            return IPAddress.Loopback;
        }

        if (IPAddress.TryParse(host, out var address))
        {
            return address;
        }

        try
        {
            return Dns.GetHostAddresses(host).OrderBy(found => found.AddressFamily).First();
        }
        catch (Exception error) when (error is SocketException or ArgumentException or InvalidOperationException)
        {
            throw new StartupException($"{option}: the host {host} is not known", "name an address of this machine, or 0.0.0.0 for all", error);
        }
    }
}
