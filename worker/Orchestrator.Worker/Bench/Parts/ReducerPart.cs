using System.Diagnostics;
using System.Globalization;
using Orchestrator.Collectives;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>A rank that only sums: for each line "MEGABYTES COUNT" the seconds of COUNT sums.</summary>
internal static class ReducerPart
{
    public static void Run(PartOrder order)
    {
        var collective = Rendezvous.Meet(order.Rank, ShardPlan.Even(order.WorldSize, order.WorldSize));
        while (Console.ReadLine()?.Split(' ').Select(int.Parse).ToArray() is [var megabytes, var count])
        {
            var mine = new float[megabytes << 18];
            var total = new float[mine.Length];
            collective.AllReduce<float>(mine, mine.Length, total);
            var began = Stopwatch.GetTimestamp();
            for (var index = 0; index < count; index++)
            {
                collective.AllReduce<float>(mine, mine.Length, total);
            }

            Console.WriteLine(Stopwatch.GetElapsedTime(began).TotalSeconds.ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
