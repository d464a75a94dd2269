using System.Diagnostics;
using System.Globalization;
using Orchestrator.Collectives;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>A rank that only sums: for each line "KILOBYTES COUNT" the seconds of COUNT sums.</summary>
internal static class ReducerPart
{
    public static void Run(PartOrder order)
    {
        var collective = Rendezvous.Meet(order.Rank, ShardPlan.Even(order.WorldSize, order.WorldSize), order.Transport);
        while (Console.ReadLine()?.Split(' ').Select(int.Parse).ToArray() is [var kilobytes, var count])
        {
            var elements = kilobytes << 8;
            using var rows = collective.Allocate((long)sizeof(float) * elements);
            using var sum = collective.Allocate((long)sizeof(float) * elements);
            var mine = rows.Span<float>(0, elements);
            var total = sum.Span<float>(0, elements);
            collective.AllReduce<float>(mine, elements, total);
            var began = Stopwatch.GetTimestamp();
            for (var index = 0; index < count; index++)
            {
                collective.AllReduce<float>(mine, elements, total);
            }

            Console.WriteLine(Stopwatch.GetElapsedTime(began).TotalSeconds.ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
