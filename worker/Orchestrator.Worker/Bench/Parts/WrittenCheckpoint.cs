using System.Text.Json;

namespace Orchestrator.Worker.Bench.Parts;

/// <summary>What a trainer of a benchmark leaves in its output folder for each of its checkpoints.</summary>
/// <param name="Seconds">From the step that it is of to the step in whose course it was complete.</param>
internal sealed record WrittenCheckpoint(long Bytes, double Seconds)
{
    private const string File = "written";

    public static void Append(string folder, WrittenCheckpoint written) => System.IO.File.AppendAllText(Path.Combine(folder, File), JsonSerializer.Serialize(written) + "\n");

    public static IReadOnlyList<WrittenCheckpoint> Read(string folder) =>
        [.. System.IO.File.ReadLines(Path.Combine(folder, File)).Select(line => JsonSerializer.Deserialize<WrittenCheckpoint>(line)!)];
}
