using System.Globalization;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>Ranks that know each other, each a process.</summary>
internal sealed class Gang : IAsyncDisposable
{
    private readonly List<PartProcess> ranks = [];

    /// <param name="link">Between the ranks, one on each of its hosts; null: all on this one.</param>
    public static async Task<Gang> StartAsync(PartOrder order, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, SlowLink? link = null)
    {
        var gang = new Gang();
        try
        {
            for (var rank = 0; rank < order.WorldSize; rank++)
            {
                var mine = link is null ? order with { Rank = rank } : order with { Rank = rank, Address = SlowLink.Address(rank) };
                gang.ranks.Add(await PartProcess.StartAsync(mine, environment, cancellationToken, link?.Prefix(rank)));
            }

            var peers = new List<string>();
            foreach (var rank in gang.ranks)
            {
                peers.Add(await rank.HearAsync(cancellationToken));
            }

            foreach (var rank in gang.ranks)
            {
                await rank.TellAsync(string.Join(',', peers), cancellationToken);
            }

            return gang;
        }
        catch
        {
            await gang.DisposeAsync();
            throw;
        }
    }

    /// <summary>Of the rank that has the most.</summary>
    public long PeakBytes => ranks.Max(rank => rank.PeakBytes);

    public Task<double> MeasureAsync(string turn, CancellationToken cancellationToken) => PartProcess.MeasureAsync(ranks, turn, cancellationToken);

    public Task<double> MeasureAsync(int count, CancellationToken cancellationToken) => MeasureAsync(count.ToString(CultureInfo.InvariantCulture), cancellationToken);

    /// <summary>The share of a turn's time that its steps spend in collectives beside waiting: the rank that comes last to a sum waits for nobody.</summary>
    public async Task<double> ShareInCollectivesAsync(int count, CancellationToken cancellationToken)
    {
        var turn = count.ToString(CultureInfo.InvariantCulture);
        var said = await Task.WhenAll(ranks.Select(rank => rank.MeasureStepsAsync(turn, cancellationToken)));
        return Enumerable.Range(1, count).Sum(step => said.Min(rank => rank[2 * step])) / said.Max(rank => rank[0]);
    }

    /// <summary>A turn's seconds, as <see cref="MeasureAsync(int, CancellationToken)"/> has them, and of its steps by the median over steps and ranks: the backward of the last shard, and from its end to the sums of all ranks.</summary>
    public async Task<(double Turn, double Backward, double Transfer)> MeasurePartsAsync(int count, CancellationToken cancellationToken)
    {
        var turn = count.ToString(CultureInfo.InvariantCulture);
        var said = await Task.WhenAll(ranks.Select(rank => rank.MeasureStepsAsync(turn, cancellationToken)));
        double Median(int part) => Spread.Of(said.SelectMany(rank => Enumerable.Range(1, count).Select(step => rank[(2 * step) + part]))).Median;
        return (said.Max(rank => rank[0]), Median(-1), Median(0));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var rank in ranks)
        {
            await rank.DisposeAsync();
        }
    }
}
