using System.CommandLine;
using System.Globalization;

namespace Orchestrator.Worker.Bench.Bits;

/// <summary><c>bench bits</c>: every file of the cover on every number of workers over every transport; fails where two hashes of a file differ.</summary>
internal static class BitsCommand
{
    public static Command Create()
    {
        var models = new Option<string?>("--models") { Description = "Some of mlp,cnn." };
        var optimizers = new Option<string?>("--optimizers") { Description = "Some of sgd,nesterov,adam,adamw,rmsprop." };
        var workers = new Option<string?>("--workers") { Description = "Some of 1,2,3,4,8." };
        var pairs = new Option<bool>("--pairs") { Description = "Of all trainings few, in which any two of model, optimizer, workers and transport meet." };
        var output = new Option<string>("--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("bits", "The same files on 1, 2, 3, 4 and 8 workers over every transport.") { models, optimizers, workers, pairs, output };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            BitsCase[] files = [.. Some(parsed, models, BitsCase.Models).SelectMany(model => Some(parsed, optimizers, BitsCase.Optimizers).Select(optimizer => BitsCase.Of(model, optimizer)))];
            int[] worlds = [.. Some(parsed, workers, ["1", "2", "3", "4", "8"]).Select(count => int.Parse(count, CultureInfo.InvariantCulture))];
            var report = new BitsReport(await BitsBench.RunAsync(parsed.GetValue(pairs) ? BitsCover.Pairs(files, worlds) : BitsCover.All(files, worlds), cancellationToken));
            Console.WriteLine(parsed.GetRequiredValue(output) == "json" ? report.ToJson() : report.ToText());
            return report.Parted.Count == 0 ? ExitCode.Done : throw new CommandException(ExitCode.Failed, $"not the same bits: {string.Join(", ", report.Parted)}");
        });
        return command;
    }

    private static string[] Some(ParseResult parsed, Option<string?> option, string[] all)
    {
        var some = parsed.GetValue(option)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? all;
        return Array.Find(some, one => !all.Contains(one)) is { } stranger
            ? throw new CommandException(ExitCode.BadInput, $"{option.Name} {stranger}: it is some of {string.Join(',', all)}")
            : some;
    }
}
