using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Worker.Bench;

/// <summary>Ranks of a script of PyTorch, where that is installed.</summary>
internal sealed class PyTorchPeer : IAsyncDisposable
{
    /// <summary>Names what runs Python with PyTorch, where that is not <c>python3</c>: a program and its first arguments.</summary>
    private const string PythonVariable = "ORCH_BENCH_PYTHON";

    private readonly List<PartProcess> ranks = [];

    /// <summary>What to say where there is none.</summary>
    public static string Absent => $"not here (it takes a python3 with torch on the PATH, or {PythonVariable})";

    /// <returns>Null where there is no Python, or none with torch.</returns>
    /// <param name="script">A resource of this assembly, called with the rank, the size of the world, a free port and what follows.</param>
    public static async Task<PyTorchPeer?> TryStartAsync(string script, int worldSize, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        using var source = new StreamReader(typeof(PyTorchPeer).Assembly.GetManifestResourceStream(script)!);
        var text = await source.ReadToEndAsync(cancellationToken);
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["OMP_NUM_THREADS"] = "1", ["USE_LIBUV"] = "0" };
        var command = (Environment.GetEnvironmentVariable(PythonVariable) ?? "python3").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var (world, port) = (worldSize.ToString(CultureInfo.InvariantCulture), FreePort().ToString(CultureInfo.InvariantCulture));
        var peer = new PyTorchPeer();
        try
        {
            for (var rank = 0; rank < worldSize; rank++)
            {
                peer.ranks.Add(PartProcess.Start(command[0], [.. command[1..], "-c", text, rank.ToString(CultureInfo.InvariantCulture), world, port, .. arguments], environment));
            }

            await Task.WhenAll(peer.ranks.Select(rank => rank.HearAsync(cancellationToken)));
            return peer;
        }
        catch (Exception absent) when (absent is CommandException or Win32Exception)
        {
            await peer.DisposeAsync();
            return null;
        }
    }

    public Task<double> MeasureAsync(string turn, CancellationToken cancellationToken) => PartProcess.MeasureAsync(ranks, turn, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var rank in ranks)
        {
            await rank.DisposeAsync();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
