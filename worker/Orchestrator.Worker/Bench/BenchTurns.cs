namespace Orchestrator.Worker.Bench;

/// <summary>Two sides that take short turns: what else the machine does in between falls on both.</summary>
internal static class BenchTurns
{
    /// <param name="ours">One turn; the rate.</param>
    public static async Task<IReadOnlyList<(double Ours, double Peer)>> RunAsync(int rounds, Func<Task<double>> ours, Func<Task<double>> peer)
    {
        var turns = new List<(double, double)>(rounds);
        for (var round = 0; round < rounds; round++)
        {
            // Who goes first changes too.
            if (round % 2 == 0)
            {
                var first = await ours();
                turns.Add((first, await peer()));
            }
            else
            {
                var first = await peer();
                turns.Add((await ours(), first));
            }
        }

        return turns;
    }
}
