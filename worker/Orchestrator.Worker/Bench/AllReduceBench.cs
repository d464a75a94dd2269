using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>
/// Bytes summed per second between two processes over loopback, against copying as many bytes within one (the least that any exchange can cost), and against Gloo where PyTorch is installed.
/// </summary>
internal static class AllReduceBench
{
    private static readonly int[] Megabytes = [1, 4, 25, 100];

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        var nothing = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var ours = await Gang.StartAsync(new PartOrder(PartKind.Reducer, WorldSize: 2), nothing, cancellationToken);
        await using var gloo = await Gloo.TryStartAsync(cancellationToken);
        var rows = new List<BenchRow>();
        foreach (var size in Megabytes)
        {
            // About a tenth of a second a turn.
            var count = Math.Clamp(200 / size, 1, 50);
            var turn = string.Create(CultureInfo.InvariantCulture, $"{size} {count}");
            var gigabytes = count * size * (1 << 20) / 1e9;
            var copied = CopyBuffers.Of(size);
            async Task<double> Ours() => gigabytes / await ours.MeasureAsync(turn, cancellationToken);
            rows.Add(BenchRow.Of($"tcp, 2 ranks, {size} MB", "GB/s", "memory copy", await BenchTurns.RunAsync(rounds, Ours, () => Task.FromResult(gigabytes / copied.Seconds(count)))));
            if (gloo is not null)
            {
                rows.Add(BenchRow.Of($"tcp, 2 ranks, {size} MB, gloo", "GB/s", "Gloo", await BenchTurns.RunAsync(rounds, Ours, async () => gigabytes / await gloo.MeasureAsync(turn, cancellationToken))));
            }
        }

        return new BenchReport("allreduce", rows, gloo is null ? ["Gloo: not here (it takes a python3 with torch on the PATH)"] : []);
    }

    private sealed record CopyBuffers(byte[] From, byte[] To)
    {
        public static CopyBuffers Of(int megabytes) => new(new byte[megabytes << 20], new byte[megabytes << 20]);

        public double Seconds(int count)
        {
            From.CopyTo(To, 0);
            var began = Stopwatch.GetTimestamp();
            for (var index = 0; index < count; index++)
            {
                From.CopyTo(To, 0);
            }

            return Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }

    /// <summary>Two ranks of torch.distributed.</summary>
    private sealed class Gloo(PartProcess[] ranks) : IAsyncDisposable
    {
        public static async Task<Gloo?> TryStartAsync(CancellationToken cancellationToken)
        {
            using var script = new StreamReader(typeof(Gloo).Assembly.GetManifestResourceStream("gloo_allreduce.py")!);
            var text = await script.ReadToEndAsync(cancellationToken);
            var port = FreePort().ToString(CultureInfo.InvariantCulture);
            var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["OMP_NUM_THREADS"] = "1" };
            var gloo = new Gloo([]);
            try
            {
                gloo = new Gloo([.. Enumerable.Range(0, 2).Select(rank => PartProcess.Start("python3", ["-c", text, rank.ToString(CultureInfo.InvariantCulture), port], environment))]);
                await Task.WhenAll(gloo.Ranks.Select(rank => rank.HearAsync(cancellationToken)));
                return gloo;
            }
            catch (Exception absent) when (absent is CommandException or System.ComponentModel.Win32Exception)
            {
                await gloo.DisposeAsync();
                return null;
            }
        }

        private PartProcess[] Ranks { get; } = ranks;

        public Task<double> MeasureAsync(string turn, CancellationToken cancellationToken) => PartProcess.MeasureAsync(Ranks, turn, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            foreach (var rank in Ranks)
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
}
