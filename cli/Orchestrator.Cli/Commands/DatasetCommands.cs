using System.CommandLine;
using Orchestrator.Cli.Datasets;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Importing;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch dataset</c>: what is trained on.</summary>
internal static class DatasetCommands
{
    public static Command Build(Shell shell) => new("dataset", "Datasets of this coordinator")
    {
        new Command("add", "Imports a dataset here and hands it to the coordinator")
            .Takes(Text("NAME", "what sweep files will call it"), Text("PATH", "idx: a folder; csv: a file; plain or .gz"))
            .With(
                Format(),
                Option("--target", "csv: the column to be predicted; the last one unless told"),
                new Option<int?>("--image-size") { Description = "csv: a row is an image, so many pixels high and wide" },
                new Option<int>("--channels") { Description = "csv: channels of such an image, 1 or 3", DefaultValueFactory = static _ => 1 })
            .WithOutput()
            .Does((parsed, cancellation) => AddAsync(shell, parsed, cancellation)),
        new Command("list", "All datasets").WithOutput().Does((parsed, cancellation) => ListAsync(shell, parsed, cancellation)),
        new Command("show", "A dataset's features, rows and classes").Takes(Name()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            var dataset = await connection.Datasets.GetDatasetAsync(new() { Name = parsed.Text("NAME") }, cancellationToken: cancellation);
            return Said.Done(shell, parsed, dataset, parsed.Json() ? "" : DatasetText.Whole(dataset));
        }),
        new Command("delete", "Forgets a dataset's name; sweeps that use it keep it").Takes(Name()).WithOutput().Does(async (parsed, cancellation) =>
        {
            using var connection = Connection.Open(shell);
            await connection.Datasets.DeleteDatasetAsync(new() { Name = parsed.Text("NAME") }, cancellationToken: cancellation);
            return Said.Deleted(shell, parsed, "dataset", parsed.Text("NAME"));
        }),
    };

    private static Argument<string> Name() => Text("NAME", "the dataset's name");

    private static Option<string?> Format()
    {
        var option = Option("--format", "idx or csv; told from the path unless given");
        option.AcceptOnlyFromAmong("idx", "csv");
        return option;
    }

    private static async Task<int> AddAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var options = ImportOptionsOf(parsed);
        using var connection = Connection.Open(shell);
        // Before a long import: is there anyone to hand it to?
        await connection.Cluster.GetClusterAsync(new(), cancellationToken: cancellation);
        var progress = ProgressLine.On(shell, parsed.Json(), "uploading");
        try
        {
            var dataset = await DatasetUpload.RunAsync(
                connection, parsed.Text("NAME"), parsed.Text("PATH"), options, progress, cancellation);
            progress.Clear();
            return Said.Done(shell, parsed, dataset, parsed.Json() ? "" : DatasetText.Whole(dataset));
        }
        catch
        {
            progress.Clear();
            throw;
        }
    }

    private static ImportOptions ImportOptionsOf(ParseResult parsed)
    {
        var (size, channels) = (parsed.GetValue<int?>("--image-size"), parsed.GetValue<int>("--channels"));
        if (size is < 1 or > 4096 || channels is not (1 or 3))
        {
            throw CliException.BadInput($"--image-size {size} --channels {channels}: the size must be 1 to 4096, and the channels 1 or 3");
        }

        return new()
        {
            Format = parsed.Maybe("--format"),
            Target = parsed.Maybe("--target"),
            ImageShape = size is { } pixels ? new ImageShape(channels, pixels, pixels) : null,
        };
    }

    private static async Task<int> ListAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        using var connection = Connection.Open(shell);
        var datasets = (await connection.Datasets.ListDatasetsAsync(new(), cancellationToken: cancellation)).Datasets;
        return Said.Rows(shell, parsed, datasets, ["name", "train", "validation", "test", "classes", "size"], dataset =>
        [
            dataset.Name, $"{dataset.Rows?.Train}", $"{dataset.Rows?.Validation}", $"{dataset.Rows?.Test}", $"{dataset.Classes.Count}",
            Plain.Bytes(dataset.Bytes),
        ]);
    }
}
