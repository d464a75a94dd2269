using Orchestrator.Data.Formats;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Store;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>Brings to this machine what a trainer needs before it starts: its dataset's chunks and the checkpoint that it goes on from.</summary>
/// <param name="device">Its slot's; null where this agent has no such slot.</param>
/// <param name="folder">The task's own.</param>
/// <param name="traceParent">Of the task's span; null where it is not traced.</param>
internal sealed partial class TaskPreparation(AgentContext context, AssignTask assignment, string? device, string folder, string? traceParent)
{
    private static readonly TimeSpan RoomPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan RoomPause = TimeSpan.FromMilliseconds(500);

    private readonly TaskKey key = TaskKey.Of(assignment);
    private readonly ILogger log = context.LoggerFactory.CreateLogger<TaskPreparation>();

    /// <summary>A run that fails at once is placed again at once: a full disk gets its time.</summary>
    /// <exception cref="FetchException">The coordinator lacks what it asks for, or its bytes are not what they should be.</exception>
    public async Task<TrainTask> PrepareAsync(CancellationToken cancellationToken)
    {
        var began = context.Time.GetTimestamp();
        for (var said = false; ; said = true)
        {
            try
            {
                return await FetchAsync(cancellationToken);
            }
            catch (IOException full) when (DiskSpace.IsFull(full) && context.Time.GetElapsedTime(began) < RoomPatience)
            {
                if (!said)
                {
                    LogFull(log, key, folder);
                    context.Logs.Add(key, $"the trainer waits: no space is left for {folder}; free some");
                }

                await Task.Delay(RoomPause, context.Time, cancellationToken);
            }
        }
    }

    private async Task<TrainTask> FetchAsync(CancellationToken cancellationToken)
    {
        var resume = Path.Combine(folder, "resume");
        var output = Path.Combine(folder, "checkpoints");
        Directory.CreateDirectory(output);
        var dataset = assignment.DatasetSha256.Length > 0 ? context.Datasets.EnsureAsync(assignment.DatasetSha256, cancellationToken) : Task.FromResult("");
        if (assignment.Checkpoint.Length > 0)
        {
            await context.Checkpoints.FetchAsync(assignment.Checkpoint, resume, cancellationToken);
        }

        var task = assignment.Clone();
        task.TraceParent = traceParent ?? assignment.TraceParent;
        return new TrainTask
        {
            Task = task,
            DatasetDirectory = await dataset,
            CheckpointDirectory = assignment.Checkpoint.Length > 0 ? resume : "",
            OutputDirectory = output,
            Device = device ?? throw new FetchException("user", $"slot {assignment.Slot} is not one of this agent's {context.Options.Devices.Count}"),
            Advertise = context.Advertise,
        };
    }

    [LoggerMessage(LogLevel.Warning, "{task} waits: no space is left for {folder}; free some")]
    private static partial void LogFull(ILogger logger, TaskKey task, string folder);
}
