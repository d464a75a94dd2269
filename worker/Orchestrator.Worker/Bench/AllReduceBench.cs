using System.Diagnostics;
using System.Globalization;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>
/// Bytes summed per second by two processes that have just written them, through shared memory and over TCP on loopback, against Gloo where PyTorch is installed, and against copying as many bytes within one process.
/// </summary>
internal static class AllReduceBench
{
    private static readonly int[] Megabytes = [1, 4, 25, 100];

    public static async Task<BenchReport> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        await using var gloo = await PyTorchPeer.TryStartAsync("gloo_allreduce.py", worldSize: 2, [], cancellationToken);
        var rows = new List<BenchRow>();
        foreach (var (name, transport) in new[] { ("shared memory", PartTransport.Fastest), ("tcp", PartTransport.Tcp) })
        {
            var order = new PartOrder(PartKind.Reducer, WorldSize: 2, Transport: transport);
            await using var ours = await Gang.StartAsync(order, new Dictionary<string, string>(StringComparer.Ordinal), cancellationToken);
            async Task<double> Ours(Turn turn) => await ours.MeasureAsync(turn.ToString(), cancellationToken);
            async Task<double> Gloo(Turn turn) => await gloo!.MeasureAsync(turn.ToString(), cancellationToken);
            foreach (var turn in Megabytes.Select(Turn.OfMegabytes))
            {
                var title = $"{name}, 2 ranks, {turn.Kilobytes >> 10} MB";
                var copied = new CopyBuffers(turn);
                if (gloo is not null)
                {
                    rows.Add(BenchRow.Of(title, "GB/s", "Gloo", await BenchTurns.RunAsync(rounds, Rate(turn, Ours), Rate(turn, Gloo))));
                    title += ", memory copy";
                }

                rows.Add(BenchRow.Of(title, "GB/s", "memory copy", await BenchTurns.RunAsync(rounds, Rate(turn, Ours), Rate(turn, copied.Seconds))));
            }

            if (gloo is not null)
            {
                var small = new Turn(4, 2000);
                rows.Add(BenchRow.Latency(
                    $"{name}, 2 ranks, 4 KB", "us", "Gloo", await BenchTurns.RunAsync(rounds, Microseconds(small, Ours), Microseconds(small, Gloo))));
            }
        }

        return new BenchReport("allreduce", rows, gloo is null ? [$"Gloo: {PyTorchPeer.Absent}"] : []);
    }

    private static Func<Task<double>> Rate(Turn turn, Func<Turn, Task<double>> seconds) => async () => turn.Count * (turn.Kilobytes * 1024.0) / 1e9 / await seconds(turn);

    private static Func<Task<double>> Microseconds(Turn turn, Func<Turn, Task<double>> seconds) => async () => await seconds(turn) * 1e6 / turn.Count;

    /// <summary>So many sums of so many kilobytes.</summary>
    private sealed record Turn(int Kilobytes, int Count)
    {
        /// <summary>About a tenth of a second.</summary>
        public static Turn OfMegabytes(int megabytes) => new(megabytes << 10, Math.Clamp(400 / megabytes, 2, 100));

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kilobytes} {Count}");
    }

    private sealed class CopyBuffers(Turn size)
    {
        private readonly byte[] from = new byte[size.Kilobytes << 10];
        private readonly byte[] to = new byte[size.Kilobytes << 10];

        public Task<double> Seconds(Turn turn)
        {
            from.CopyTo(to, 0);
            var began = Stopwatch.GetTimestamp();
            for (var index = 0; index < turn.Count; index++)
            {
                from.CopyTo(to, 0);
            }

            return Task.FromResult(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
    }
}
