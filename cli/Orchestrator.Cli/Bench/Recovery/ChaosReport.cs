using System.Globalization;
using System.Text.Json;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Bench.Recovery;

/// <summary>How often which fault met a run, and how many of the runs did not end as they must.</summary>
internal static class ChaosReport
{
    public static void Print(Shell shell, IReadOnlyList<ChaosResult> results, bool json)
    {
        var failed = results.Where(result => result.Wrong is not null).ToArray();
        if (json)
        {
            shell.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    name = "recovery",
                    seeds = results.Count,
                    struck = results.Sum(result => result.Struck),
                    failed = failed.Select(result => new { seed = result.Schedule.Seed, schedule = result.Schedule.ToString(), wrong = result.Wrong }),
                },
                JsonText.Indented));
            return;
        }

        Tables.Print(shell, ["seeds", "faults", "met the run", "failed"], [[Text(results.Count), Text(results.Sum(result => result.Schedule.Faults.Count)), Text(results.Sum(result => result.Struck)), Text(failed.Length)]]);
        shell.Out.WriteLine(failed.Length == 0
            ? "every run has the weights, samples, epochs and steps of the one that nothing happened to"
            : $"failed: {string.Join(' ', failed.Select(result => Text(result.Schedule.Seed)))} (--first-seed N --seeds 1 plays one again)");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
