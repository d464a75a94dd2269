using System.Threading.Channels;
using Grpc.Core;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Store;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>Carries a task's checkpoints to the coordinator one after the other, and reports each once it is stored.</summary>
internal sealed partial class CheckpointUploads
{
    private const int GreatestWaiting = 8;

    private readonly Channel<CheckpointReady> waiting = Channel.CreateBounded<CheckpointReady>(GreatestWaiting);
    private readonly TaskKey key;
    private readonly CheckpointTransfer transfer;
    private readonly Func<Report, CancellationToken, Task> report;
    private readonly Func<Report?, CancellationToken, ValueTask> settled;
    private readonly Action<string> say;
    private readonly ILogger log;

    /// <param name="settled">Hears of each checkpoint: its report, or null where it was refused.</param>
    /// <param name="say">To the run's log.</param>
    public CheckpointUploads(TaskKey key, CheckpointTransfer transfer, Func<Report, CancellationToken, Task> report, Func<Report?, CancellationToken, ValueTask> settled, Action<string> say, ILogger log, CancellationToken cancellationToken)
    {
        (this.key, this.transfer, this.report, this.settled, this.say, this.log) = (key, transfer, report, settled, say, log);
        Done = RunAsync(cancellationToken);
    }

    /// <summary>Completes after <see cref="Complete"/>, when all are stored and reported or refused.</summary>
    public Task Done { get; }

    /// <summary>Waits while too many lie here unsent: a disk is bounded.</summary>
    public ValueTask AddAsync(CheckpointReady checkpoint, CancellationToken cancellationToken) => waiting.Writer.WriteAsync(checkpoint, cancellationToken);

    public void Complete() => waiting.Writer.TryComplete();

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var checkpoint in waiting.Reader.ReadAllAsync(cancellationToken))
        {
            var header = new PutCheckpointHeader { Id = checkpoint.Written.Checkpoint, Run = key.Run, Generation = key.Generation, Rank = key.Rank };
            Report? said = null;
            try
            {
                var stored = await transfer.PutAsync(header, checkpoint.Directory, () => SayFull(header.Id), cancellationToken);
                var written = checkpoint.Written.Clone();
                (written.Uri, written.Bytes) = (stored.Uri, stored.Bytes);
                said = new Report { Checkpoint = written };
                await report(said, cancellationToken);
            }
            catch (Exception refusal) when (refusal is RpcException or IOException && !cancellationToken.IsCancellationRequested)
            {
                // A generation that is over, or a file that was tampered with: the run goes on without this one.
                LogRefused(log, header.Id, refusal is RpcException rpc ? rpc.Status.Detail : refusal.Message);
            }

            AgentDirectory.DeleteFolder(checkpoint.Directory);
            await settled(said, cancellationToken);
        }
    }

    // Training goes on meanwhile, and the checkpoint lies here until it can be stored.
    private void SayFull(string checkpoint)
    {
        say($"checkpoint {checkpoint} waits: the coordinator's store has no space left; free some, or delete checkpoints");
        LogFull(log, checkpoint);
    }

    [LoggerMessage(LogLevel.Warning, "checkpoint {checkpoint} waits: the coordinator's store has no space left")]
    private static partial void LogFull(ILogger logger, string checkpoint);

    [LoggerMessage(LogLevel.Error, "checkpoint {checkpoint} was not stored: {reason}")]
    private static partial void LogRefused(ILogger logger, string checkpoint, string reason);
}
