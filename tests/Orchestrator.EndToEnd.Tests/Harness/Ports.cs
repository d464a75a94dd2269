using System.Net;
using System.Net.Sockets;

namespace Orchestrator.EndToEnd.Tests.Harness;

internal static class Ports
{
    /// <summary>Nobody listens on these addresses, HOST:PORT.</summary>
    public static bool AreFree(params string[] addresses) => addresses.All(IsFree);

    private static bool IsFree(string address)
    {
        try
        {
            using var listener = new TcpListener(IPEndPoint.Parse(address));
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
