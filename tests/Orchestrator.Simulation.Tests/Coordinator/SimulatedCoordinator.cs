using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Control.Runs;
using Orchestrator.Control.Workers;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Runs;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;

namespace Orchestrator.Simulation.Tests;

/// <summary>One life of the coordinator: its own classes, as its host puts them together, on the world's clock, network and journal.</summary>
internal sealed class SimulatedCoordinator
{
    public const string Host = "coordinator";

    private readonly VirtualWorld world;
    private readonly MemoryJournal journal;
    private readonly MemoryStore store;
    private readonly RunCoordinator runs;
    private readonly RunMeters meters;
    private readonly AgentWatch watch;
    private readonly AgentApi api;
    private readonly PlacementLoop placement;
    private Task looking = Task.CompletedTask;

    public SimulatedCoordinator(VirtualWorld world, MemoryJournal journal, MemoryStore store, DataDirectory directory, Witness witness, int life)
    {
        (this.world, this.journal, this.store) = (world, journal, store);
        Process = new Process(world, $"coordinator{life}");
        var time = new VirtualTime(world);
        Table = new RunTable();
        Agents = new AgentDirectory(
            new EventStore<WorkerState, WorkerEvent>("worker", WorkerState.Initial, WorkerState.Apply, journal, new EventStoreOptions<WorkerState> { HasEnded = _ => false }), time);
        meters = new RunMeters(Table, Agents);
        var effects = new RunEffects(Agents, meters, time);
        var streams = new RunStreams(
            new EventStore<RunState, RunEvent>("run", RunState.Initial, RunEvolution.Apply, journal, new EventStoreOptions<RunState> { HasEnded = _ => false }), Table, journal);
        runs = new RunCoordinator(streams, effects, Table, Agents, journal, time, NullLogger<RunCoordinator>.Instance);
        var happened = streams.Happened;
        streams.Happened = (before, events, after) =>
        {
            witness.Happened(before, events, after);
            Forget(events);
            happened(before, events, after);
        };
        var logs = new RunLogs(directory, time, NullLogger<RunLogs>.Instance);
        watch = new AgentWatch(runs, Table, effects, Agents, time, NullLogger<AgentWatch>.Instance);
        var adoption = new AgentAdoption(runs, Table, effects, Agents, time);
        var intake = new ReportIntake(runs, Table, effects, logs, Agents, journal, time);
        api = new AgentApi(Agents, adoption, intake, effects, Table, logs, watch, store, time, NullLogger<AgentApi>.Instance);
        placement = new PlacementLoop(streams, Table, effects, Agents, time, NullLogger<PlacementLoop>.Instance) { BalanceInterval = TimeSpan.FromSeconds(1) };
    }

    public Process Process { get; }

    public RunTable Table { get; }

    public AgentDirectory Agents { get; }

    public void Start()
    {
        Process.Finish(() => runs.StartingAsync(CancellationToken.None));
        Process.Do(() =>
        {
            world.Watch(placement.RunAsync(CancellationToken.None));
            world.Watch(runs.StartedAsync(CancellationToken.None));
        });
        Process.OnDeath(meters.Dispose);
        LookAgain();
    }

    public void Do(string run, Func<DateTimeOffset, RunCommand> command) => Process.Do(() => world.Watch(runs.ExecuteAsync(run, command(new VirtualTime(world).GetUtcNow()))));

    public Task ServeAsync(Arriving<AgentMessage> requests, Action<CoordinatorMessage> answer, CancellationToken gone) =>
        api.Session(requests, new Answering<CoordinatorMessage>(answer), new Call(gone));

    /// <summary>As the agents' service stores it, refusals included.</summary>
    public Task<PutCheckpointResponse> PutAsync(PutCheckpointHeader header, CheckpointImage image)
    {
        var parts = new Arriving<PutCheckpointRequest>();
        parts.Give(new PutCheckpointRequest { Header = header });
        parts.Give(new PutCheckpointRequest { File = new CheckpointFilePart { Path = "manifest.json", Data = Google.Protobuf.ByteString.CopyFrom(store.BytesOf(image)) } });
        parts.Complete();
        return api.PutCheckpoint(parts, new Call(CancellationToken.None));
    }

    private void LookAgain() => world.After(AgentWatch.Period, () =>
    {
        if (!Process.IsAlive)
        {
            return;
        }

        Process.Do(() =>
        {
            if (looking.IsCompleted)
            {
                looking = LookAsync();
                world.Watch(looking);
            }
        });
        LookAgain();
    });

    private async Task LookAsync()
    {
        try
        {
            await watch.LookAsync(CancellationToken.None);
        }
        catch (JournalException)
        {
            // As its loop does: the next look sees the same.
        }
    }

    // What follows from the journal through the outbox, sooner or later, whichever coordinator does it.
    public void Forget(RunEvent happened)
    {
        var released = happened switch
        {
            RunEvent.CheckpointReleased e => e.Checkpoint,
            RunEvent.CheckpointRejected e => e.Checkpoint,
            _ => null,
        };
        if (released is not null)
        {
            world.After(world.Between(0, 2000), () =>
            {
                var state = RunEvolution.Replay(journal.Read("run", Simulation.Run).Select(EventStore<RunState, RunEvent>.Read));
                if (!state.Checkpoints.Exists(record => record.Id == released))
                {
                    store.Delete(released);
                }
            });
        }
    }
}
