using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>Makes a trainer's report a command for its run. The task ends once the report's effect is durable; a report that comes twice has none.</summary>
internal sealed class ReportIntake(RunCoordinator runs, RunTable table, RunEffects effects, RunLogs logs, AgentDirectory agents, IJournal journal, TimeProvider time)
{
    /// <summary>Reports of one run take effect in the order of these calls, and none after one that could not be journalled.</summary>
    public Task TakeAsync(Report report, CommandOrder order)
    {
        ArgumentNullException.ThrowIfNull(report);
        var task = new TaskKey(report.Run, report.Generation, report.Rank);
        var now = time.GetUtcNow();
        return report.ReportCase switch
        {
            Report.ReportOneofCase.Ready => runs.ExecuteAsync(task.Run, new RunCommand.Ready(
                task.Generation, task.Rank, report.Ready.PeerAddress, report.Ready.Pid, report.Ready.ProbeHash, report.Ready.Hardware, now), order),
            Report.ReportOneofCase.Epoch => runs.ExecuteAsync(task.Run, new RunCommand.FinishEpoch(
                task.Generation, task.Rank, report.Epoch.Epoch, report.Epoch.Step, new Dictionary<string, double>(report.Epoch.Metrics),
                report.Epoch.Samples, report.Epoch.Seconds, report.Epoch.LedgerHash, now), order),
            Report.ReportOneofCase.Checkpoint => runs.ExecuteAsync(task.Run, new RunCommand.CommitCheckpoint(
                task.Generation, task.Rank, RecordOf(report.Checkpoint), now), order),
            Report.ReportOneofCase.Steps => WriteAsync(task, report.Steps),
            Report.ReportOneofCase.Ended => EndAsync(task, report.Ended, now, order),
            Report.ReportOneofCase.Interrupted => InterruptAsync(task, report.Interrupted, now, order),
            Report.ReportOneofCase.Failed => FailAsync(task, report.Failed, now, order),
            // Of a newer version than this one; it is not heard of again once it is acknowledged.
            _ => Task.CompletedTask,
        };
    }

    private static CheckpointRecord RecordOf(CheckpointWritten written) => new(written.Checkpoint, written.Step, written.Epoch, written.Bytes,
        written.ModelSha256, new Dictionary<string, double>(written.Metrics), written.Uri);

    private async Task WriteAsync(TaskKey task, StepMetrics steps)
    {
        if (table.Find(task.Run)?.Current?.MemberOf(task.Trainer) is null)
        {
            return;
        }

        var rows = steps.Steps
            .SelectMany(step => step.Metrics.Select(metric => new MetricRow(task.Run, step.Step, step.Epoch, metric.Key, metric.Value)))
            .ToArray();
        if (rows.Length > 0)
        {
            effects.ProgressOf(task.Run)?.Reached(rows[^1].Step);
            await journal.WriteMetricsAsync(rows, CancellationToken.None);
        }
    }

    private Task InterruptAsync(TaskKey task, TaskInterrupted interrupted, DateTimeOffset now, CommandOrder order) => runs.ExecuteAsync(
        task.Run,
        new RunCommand.Interrupt(task.Generation, task.Rank, interrupted.Generation, interrupted.SuspectRank, interrupted.AppliedStep, interrupted.Message, now) { Unheard = [.. interrupted.UnheardRanks] },
        order);

    private async Task EndAsync(TaskKey task, TaskEnded ended, DateTimeOffset now, CommandOrder order)
    {
        var end = new RunCommand.End(
            task.Generation, task.Rank, ended.Step, ended.Epoch, ended.WeightsHash, new Dictionary<string, double>(ended.Metrics), ended.SamplesPerEpoch, ended.Stopped, now, ended.Paused)
        {
            LeftGeneration = ended.LeftGeneration,
        };
        FreeOnceGone(task, await runs.ExecuteAsync(task.Run, end, order));
    }

    private async Task FailAsync(TaskKey task, TaskFailed failed, DateTimeOffset now, CommandOrder order)
    {
        if (failed.Detail.Length > 0)
        {
            logs.Append(task, now, [failed.Message, .. failed.Detail.Split('\n')]);
        }

        // Absent on the wire reads as rank 0; a rank that names itself blames nobody else.
        var state = await runs.FailAsync(task, FailureKinds.Parse(failed.Kind), failed.Message, failed.Detail, failed.SuspectRank, order);
        FreeOnceGone(task, state);
    }

    /// <summary>A report that overtook another has no effect until it comes again; by the journal the slot is the task's until then.</summary>
    private void FreeOnceGone(TaskKey task, RunState state)
    {
        if (state.Trainers.Find(member => member.Trainer == task.Trainer) is not { IsGone: false })
        {
            agents.Free(task);
        }
    }
}
