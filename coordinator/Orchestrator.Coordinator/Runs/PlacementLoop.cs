using System.Globalization;
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

    /// <summary>How long a generation works before its ranges may follow its members' speeds.</summary>
    internal TimeSpan BalanceInterval { get; init; } = TimeSpan.FromSeconds(10);

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
                await BalanceAsync();
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

        var waiting = table.Waiting(free.Count, all, time.GetUtcNow());
        var growing = table.Growing(LeftIfWorthGrowing, time.GetUtcNow());
        if (waiting.Count == 0 && growing.Count == 0)
        {
            return;
        }

        var gangs = GangPlacement.Place(new PlacementSnapshot(free, all, waiting, table.Running()) { Growing = growing });
        await Task.WhenAll(gangs.Select(ProposeAsync));
    }

    /// <summary>How long it takes to where it pauses or ends; zero where it is not known, or too short for a newcomer.</summary>
    private TimeSpan LeftIfWorthGrowing(RunState run) =>
        effects.ProgressOf(run.Id) is { } progress && progress.MedianStep() is { } step && StepsLeft(run, progress) * step is var left && left > WorthGrowing ? left : TimeSpan.Zero;

    /// <summary>0 where it is not known.</summary>
    private static long StepsLeft(RunState run, RunProgress progress) =>
        run.Plan!.StepsPlanned == 0 ? 0 : Math.Max(0, (run.Plan.StepsPlanned / run.Plan.Epochs * run.Target) - progress.Step);

    /// <summary>Ranges follow the speeds that the members tell.</summary>
    private async Task BalanceAsync()
    {
        foreach (var run in table.Active().Where(run => run.CanBalance))
        {
            var generation = run.Current!;
            if (time.GetUtcNow() - generation.BegunAt < BalanceInterval || effects.ProgressOf(run.Id) is not { } progress || progress.Generation != generation.Number)
            {
                continue;
            }

            var paces = generation.Members.Select(member => progress.PaceOf(member.Place.Rank)).ToArray();
            if (ShardBalance.Of([.. generation.Members.Select(member => member.Place.Shards)], paces, StepsLeft(run, progress)) is { } shards)
            {
                LogBalanced(run.Id, string.Join(' ', shards), string.Join(' ', paces.Select(pace => (1000 * pace).ToString("0.0", CultureInfo.InvariantCulture))));
                await streams.ExecuteAsync(run.Id, new RunCommand.Balance(generation.Number, shards, time.GetUtcNow()) { NextSpanId = TraceContexts.NewSpanId() });
            }
        }
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

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {Run}: its members' ranges become {Shards} shards, for they take {Milliseconds} ms a shard")]
    private partial void LogBalanced(string run, string shards, string milliseconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "Placement failed; it is tried again")]
    private partial void LogFailed(Exception exception);
}
