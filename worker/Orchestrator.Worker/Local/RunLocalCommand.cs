using System.CommandLine;
using Orchestrator.Specs;

namespace Orchestrator.Worker.Local;

/// <summary><c>run-local FILE</c>: a run in this one process, for a debugger; the same bits as on a cluster.</summary>
internal static class RunLocalCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A run file." };
        var set = new Option<string[]>("--set") { Description = "path=value, over what the file says." };
        var dataset = new Option<string?>("--dataset-dir") { Description = "The dataset's folder, or a source to import: an IDX folder or a CSV file." };
        var data = new Option<string>("--data-dir") { Description = "Where imported datasets and checkpoints go.", DefaultValueFactory = _ => Path.Combine(".orch", "local") };
        var output = new Option<string>("--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var device = SlotDevices.Option();
        var command = new Command("run-local", "Trains in this process, without a cluster.") { file, set, dataset, data, device, output };
        command.SetAction(parsed =>
        {
            var spec = Read(parsed.GetRequiredValue(file), parsed.GetValue(set) ?? []);
            LocalPins.Apply(spec.Training);
            var folder = Path.GetFullPath(parsed.GetRequiredValue(data));
            var source = LocalDataset.Find(spec.Dataset.Name, parsed.GetValue(dataset), Path.Combine(folder, "datasets"));
            return new LocalRun(spec, source, Path.Combine(folder, "checkpoints"), SlotDevices.One(parsed.GetValue(device) ?? SlotDevices.Cpu), parsed.GetRequiredValue(output) == "json").Run();
        });
        return command;
    }

    private static RunSpec Read(string file, IReadOnlyList<string> set)
    {
        try
        {
            var spec = RunFile.Parse(File.ReadAllText(file), file, set);
            // Relative to the file, as on a cluster.
            var folder = Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";
            return spec.Package is { } package ? spec with { Package = package with { Path = Path.GetFullPath(package.Path, folder) } } : spec;
        }
        catch (SpecException mistake)
        {
            throw new CommandException(ExitCode.BadInput, mistake.Message);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInput, $"{file} can't be read: {failure.Message}");
        }
    }
}
