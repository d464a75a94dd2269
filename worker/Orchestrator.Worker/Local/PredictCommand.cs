using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Orchestrator.Data;
using Orchestrator.Data.Importing;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Workloads;

namespace Orchestrator.Worker.Local;

/// <summary><c>predict --checkpoint DIR --input FILE</c>: a checkpoint's classes for a file's rows, with nothing else at hand.</summary>
internal static class PredictCommand
{
    /// <summary>Rows held at a time: a file of any size fits.</summary>
    private const int RowsAtATime = 256;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public static Command Create()
    {
        var checkpoint = new Option<string>("--checkpoint") { Description = "A fetched checkpoint's folder.", Required = true };
        var input = new Option<string>("--input") { Description = "A CSV file or IDX images, plain or .gz.", Required = true };
        var to = new Option<string?>("--to") { Description = "Where files are written, for models that make files." };
        var output = new Option<string>("--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("predict", "Applies a checkpoint to a file.") { checkpoint, input, to, output };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(checkpoint), parsed.GetRequiredValue(input), parsed.GetRequiredValue(output) == "json"));
        return command;
    }

    private static int Run(string checkpoint, string input, bool json)
    {
        try
        {
            LocalPins.Apply(CheckpointFolder.Verify(checkpoint).Spec.Training);
            using var predictor = Predictor.Load(checkpoint, new WorkloadCatalog());
            using var writer = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 1 << 16);
            var predictions = InputRows.Read(input, predictor.RowElements).Chunk(RowsAtATime).SelectMany(rows => Predict(predictor, rows));
            if (json)
            {
                WriteJson(writer, predictions);
            }
            else
            {
                WriteText(writer, predictions);
            }

            return ExitCode.Done;
        }
        catch (Exception mistake) when (mistake is SpecException or DataFormatException or CorruptCheckpointException or CheckpointMismatchException)
        {
            throw new CommandException(ExitCode.BadInput, mistake.Message);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInput, $"{input} can't be read: {failure.Message}");
        }
    }

    private static IEnumerable<(string Input, Prediction Prediction)> Predict(Predictor predictor, InputRow[] rows) =>
        rows.Select(row => row.Name).Zip(predictor.Predict([.. rows.SelectMany(row => row.Values)]));

    /// <summary>An array with a row a line: it can be read as a whole, and line by line.</summary>
    private static void WriteJson(TextWriter writer, IEnumerable<(string Input, Prediction Prediction)> predictions)
    {
        var separator = "[\n";
        foreach (var (input, prediction) in predictions)
        {
            writer.Write(separator);
            writer.Write(JsonSerializer.Serialize(new { input, prediction.Class, prediction.Probabilities }, Json));
            separator = ",\n";
        }

        writer.WriteLine(separator[0] == '[' ? "[]" : "\n]");
    }

    private static void WriteText(TextWriter writer, IEnumerable<(string Input, Prediction Prediction)> predictions)
    {
        foreach (var (input, prediction) in predictions)
        {
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{input}  {prediction.Class}  {prediction.Probabilities[prediction.Class]:0.0000}"));
        }
    }
}
