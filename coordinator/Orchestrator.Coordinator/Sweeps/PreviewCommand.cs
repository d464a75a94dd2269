using System.CommandLine;
using System.Globalization;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary><c>orch sweep preview</c>, which becomes this program: reads a file and says what it asks for. Starts nothing.</summary>
internal static class PreviewCommand
{
    private const long Largest = 1024 * 1024;
    private static readonly Argument<string> File = new("FILE") { Description = "The sweep file, YAML" };
    private static readonly Option<string[]> Set = new("--set") { Description = "PATH=VALUE that replaces a field of the file" };
    private static readonly Option<string> Output = new("--output") { Description = "text, or json for scripts", DefaultValueFactory = _ => "text" };
    private static readonly Option<double?> EpochSeconds = Positive("--epoch-seconds", "how long an epoch of a trial takes on one worker");
    private static readonly Option<int?> Workers = new("--workers") { Description = "how many workers there are; as many as trials are under way unless told" };
    private static readonly Option<double?> Price = Positive("--price", "what a worker costs an hour");
    private static readonly Option<double?> CheckpointMegabytes = Positive("--checkpoint-mb", "how large a trial's checkpoint is");

    public static Command Build()
    {
        var command = new Command("preview", "What a sweep file asks for, before anything runs") { File, Set, EpochSeconds, Workers, Price, CheckpointMegabytes, Output };
        Workers.Validators.Add(result => Refuse(result, !(int.TryParse(result.Tokens[^1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var workers) && workers > 0)));
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(File), parsed.GetValue(Set) ?? [],
            new SweepRates(parsed.GetValue(EpochSeconds), parsed.GetValue(Workers), parsed.GetValue(Price), parsed.GetValue(CheckpointMegabytes)), parsed.GetValue(Output) == "json"));
        return command;
    }

    private static Option<double?> Positive(string name, string description)
    {
        var option = new Option<double?>(name) { Description = description };
        option.Validators.Add(result => Refuse(
            result, !(double.TryParse(result.Tokens[^1].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is > 0 and < double.PositiveInfinity)));
        return option;
    }

    private static void Refuse(System.CommandLine.Parsing.OptionResult result, bool isWrong)
    {
        if (isWrong)
        {
            result.AddError($"{result.Option.Name} takes a number above 0");
        }
    }

    /// <returns>0, or 2 where the file is wrong: one line says what, where and the mend.</returns>
    private static int Run(string path, string[] set, SweepRates rates, bool json)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > Largest)
            {
                return Refuse(file.Exists ? $"{path} has {file.Length} bytes: a sweep file has at most {Largest}" : $"{path}: there is no such file");
            }

            var preview = SweepPreview.Of(SweepFile.Parse(System.IO.File.ReadAllText(path), path, set), path, rates);
            Console.Out.WriteLine(json ? preview.ToJson() : string.Join('\n', preview.Lines()));
            return 0;
        }
        catch (SpecException mistake)
        {
            return Refuse(mistake.Error.ToString());
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Refuse(failure.Message);
        }
    }

    private static int Refuse(string line)
    {
        Console.Error.WriteLine($"error: {line.ReplaceLineEndings(" ")}");
        return 2;
    }
}
