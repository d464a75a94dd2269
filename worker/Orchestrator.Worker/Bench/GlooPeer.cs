using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Orchestrator.Worker.Bench;

/// <summary>Two ranks of torch.distributed over Gloo.</summary>
internal sealed class GlooPeer : IAsyncDisposable
{
    private readonly List<PartProcess> ranks = [];

    /// <returns>Null where there is no Python, or none with torch.</returns>
    /// <param name="python">A program and its first arguments, spaces between.</param>
    public static async Task<GlooPeer?> TryStartAsync(string python, CancellationToken cancellationToken)
    {
        using var script = new StreamReader(typeof(GlooPeer).Assembly.GetManifestResourceStream("gloo_allreduce.py")!);
        var text = await script.ReadToEndAsync(cancellationToken);
        var port = FreePort().ToString(CultureInfo.InvariantCulture);
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["OMP_NUM_THREADS"] = "1", ["USE_LIBUV"] = "0" };
        var command = python.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var gloo = new GlooPeer();
        try
        {
            for (var rank = 0; rank < 2; rank++)
            {
                gloo.ranks.Add(PartProcess.Start(command[0], [.. command[1..], "-c", text, rank.ToString(CultureInfo.InvariantCulture), port], environment));
            }

            await Task.WhenAll(gloo.ranks.Select(rank => rank.HearAsync(cancellationToken)));
            return gloo;
        }
        catch (Exception absent) when (absent is CommandException or System.ComponentModel.Win32Exception)
        {
            await gloo.DisposeAsync();
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
