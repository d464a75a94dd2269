using System.Diagnostics;
using System.Globalization;
using Orchestrator.Collectives;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>A rank that only sums: for each line "KILOBYTES COUNT" the seconds of COUNT sums, of rows that were just written, as backward
/// leaves them.</summary>
internal static class ReducerPart
{
    public static void Run(PartOrder order)
    {
        var collective = Rendezvous.Meet(order, ShardPlan.Even(order.WorldSize, order.WorldSize));
        while (Console.ReadLine()?.Split(' ').Select(int.Parse).ToArray() is [var kilobytes, var count])
        {
            var elements = kilobytes << 8;
            using var rows = collective.Allocate((long)sizeof(float) * elements);
            using var sum = collective.AllocateTotal((long)sizeof(float) * elements);
            var mine = rows.Span<float>(0, elements);
            var total = sum.Span<float>(0, elements);
            collective.AllReduce<float>(mine, elements, total);
            var spent = 0L;
            for (var index = 0; index < count; index++)
            {
                mine.Fill(index);
                var began = Stopwatch.GetTimestamp();
                collective.AllReduce<float>(mine, elements, total);
                spent += Stopwatch.GetTimestamp() - began;
            }

            Console.WriteLine(((double)spent / Stopwatch.Frequency).ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
