using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Orchestrator.Coordinator.Hosting;

internal static class Listeners
{
    /// <summary>Greatest message that is taken in, in bytes; larger things are streamed in parts.</summary>
    public const int MaximumMessageBytes = 4 << 20;

    /// <summary>Greatest answer: a sweep of a hundred thousand trials is shown whole.</summary>
    public const int MaximumAnswerBytes = 64 << 20;

    /// <summary>Two listeners, because Kestrel tells HTTP/1.1 and cleartext HTTP/2 apart only with TLS.</summary>
    public static void ConfigureListeners(this KestrelServerOptions kestrel, CoordinatorOptions options)
    {
        kestrel.AddServerHeader = false;

        // A message, and the frame around it.
        kestrel.Limits.MaxRequestBodySize = MaximumMessageBytes + 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 << 10;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);

        // A machine that vanished without a word is noticed by its connection, not only by its heartbeats.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;

        kestrel.Listen(options.ListenAddress.Address, options.ListenAddress.Port, listener => listener.Protocols = HttpProtocols.Http2);
        kestrel.Listen(options.WebAddress.Address, options.WebAddress.Port, listener => listener.Protocols = HttpProtocols.Http1);
    }

    /// <summary>Tries the addresses before anything else is begun, so that a port in use costs one line and leaves nothing behind.</summary>
    /// <exception cref="StartupException">An address can't be had.</exception>
    public static void Probe(CoordinatorOptions options)
    {
        foreach (var (option, address) in new[] { ("--listen", options.ListenAddress), ("--listen-web", options.WebAddress) })
        {
            try
            {
                using var listener = new TcpListener(address.Address, address.Port);
                listener.Start();
            }
            catch (SocketException error)
            {
                throw Refused(option, address, error);
            }
        }
    }

    private static StartupException Refused(string option, ListenAddress address, SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => new StartupException($"{option}: another program listens on {address}", "name another port, or 0 for a free one", error),
        SocketError.AccessDenied => new StartupException($"{option}: this user may not listen on {address}", "name a port above 1023", error),
        _ => new StartupException($"{option}: {address} can't be listened on: {error.Message}", "name an address of this machine", error),
    };
}
