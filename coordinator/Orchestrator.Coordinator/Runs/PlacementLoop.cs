using System.Threading.Channels;
using Orchestrator.Control.Placement;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Sessions;

namespace Orchestrator.Coordinator.Runs;

/// <summary>Gives free slots to waiting runs, whenever either may have changed.</summary>
internal sealed partial class PlacementLoop : BackgroundService
{
    private static readonly TimeSpan AfterError = TimeSpan.FromSeconds(1);

    /// <summary>How often runs that work are looked at for room.</summary>
    private static readonly TimeSpan GrowInterval = TimeSpan.FromSeconds(1);

    /// <summary>A run that is done before a newcomer has loaded needs none.</summary>
    private static readonly TimeSpan WorthGrowing = TimeSpan.FromSeconds(5);

    private readonly Channel<bool> changed =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly RunStreams streams;
    private readonly RunTable table;
    private readonly RunEffects effects;
    private readonly AgentDirectory agents;
    private readonly TimeProvider time;
    private readonly ILogger<PlacementLoop> logger;

    public PlacementLoop(RunStreams streams, RunTable table, RunEffects effects, AgentDirectory agents, TimeProvider time, ILogger<PlacementLoop> logger)
    {
        (this.streams, this.table, this.effects, this.agents, this.time, this.logger) = (streams, table, effects, agents, time, logger);
        agents.SlotsChanged = () => changed.Writer.TryWrite(true);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    internal async Task RunAsync(CancellationToken stoppingToken)
    {
        await using var growing = time.CreateTimer(_ => changed.Writer.TryWrite(true), null, GrowInterval, GrowInterval);
        while (await changed.Reader.WaitToReadAsync(stoppingToken))
        {
            changed.Reader.TryRead(out _);
            try
            {
                await PlaceAsync();
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The journal was away; what waits is still there.
                LogFailed(exception);
                await Task.Delay(AfterError, time, stoppingToken);
                changed.Writer.TryWrite(true);
            }
        }
    }

    private async Task PlaceAsync()
    {
        var (free, all) = agents.Slots();
        if (free.Count == 0)
        {
            return;
        }

        var waiting = table.Waiting(free.Count, all);
        var growing = table.Growing(IsWorthGrowing);
        if (waiting.Count == 0 && growing.Count == 0)
        {
            return;
        }

        var gangs = GangPlacement.Place(new PlacementSnapshot(free, all, waiting, table.Running()) { Growing = growing });
        await Task.WhenAll(gangs.Select(ProposeAsync));
    }

    private bool IsWorthGrowing(RunState run)
    {
        if (effects.ProgressOf(run.Id) is not { } progress || progress.MedianStep() is not { } step || run.Plan!.StepsPlanned == 0)
        {
            return false;
        }

        var planned = run.Plan.StepsPlanned / run.Plan.Epochs * run.Target;
        return (planned - progress.Step) * step > WorthGrowing;
    }

    private async Task ProposeAsync(PlacedGang gang)
    {
        if (!agents.TryClaim(gang.Run, gang.Slots))
        {
            changed.Writer.TryWrite(true);
            return;
        }

        try
        {
            await streams.ExecuteAsync(gang.Run, new RunCommand.Propose(gang.Slots, TraceContexts.NewSpanId(), time.GetUtcNow()));
        }
        finally
        {
            // Claims that became assignments are not claims any more.
            agents.Unclaim(gang.Run, gang.Slots);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Placement failed; it is tried again")]
    private partial void LogFailed(Exception exception);
}
