using System.CommandLine;

namespace Orchestrator.Worker.Local;

/// <summary><c>replay DIR</c>: makes a checkpoint's run again in this one process, and says whether the bits agree.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var checkpoint = new Argument<string>("CHECKPOINT") { Description = "A fetched checkpoint's folder." };
        var dataset = new Option<string?>("--dataset-dir") { Description = "The dataset's folder, or a source to import: an IDX folder or a CSV file." };
        var data = new Option<string>("--data-dir") { Description = "Where imported datasets go.", DefaultValueFactory = _ => Path.Combine(".orch", "local") };
        var output = new Option<string>("--output") { Description = "text or json.", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", "json");
        var from = new Option<string?>("--from") { Description = "The folder of the checkpoint that the run went on from, where it did." };
        var device = SlotDevices.Option();
        var fetched = new Option<bool>("--fetched") { Hidden = true, Description = "The folder was fetched for this alone, and goes afterwards." };
        var command = new Command("replay", "Makes a checkpoint's run again from its manifest, and says whether the bits agree.") { checkpoint, dataset, data, from, device, output, fetched };
        command.SetAction(parsed =>
        {
            var folder = Path.GetFullPath(parsed.GetRequiredValue(checkpoint));
            try
            {
                return new Replay(folder, parsed.GetValue(dataset), Path.Combine(Path.GetFullPath(parsed.GetRequiredValue(data)), "datasets"), parsed.GetValue(from), parsed.GetValue(device), parsed.GetRequiredValue(output) == "json").Run();
            }
            finally
            {
                if (parsed.GetValue(fetched))
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
        });
        return command;
    }
}
