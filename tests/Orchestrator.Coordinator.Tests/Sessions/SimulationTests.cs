using Grpc.Core;
using Orchestrator.Control.Runs;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>
/// Many sweeps on agents that die, get cut off, repeat themselves and come back, and a coordinator that is restarted in the middle of it: which trials end, how and with
/// what values must not show any of it. The seed decides the faults; the journal is the witness.
/// </summary>
public sealed class SimulationTests
{
    private const int Sweeps = 3;
    private const int Trials = 10;
    private const int Epochs = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Every_trial_ends_once_whatever_happens_to_the_agents(int seed)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(seed);
        var coordinator = await RunningCoordinator.StartInAsync(folder["data"]);
        FakeAgent[] agents = [.. Enumerable.Range(0, 4).Select(number => new FakeAgent($"agent{number}", slots: 1 + (number % 3)))];
        try
        {
            foreach (var agent in agents)
            {
                agent.Trainer = task => FakeTrainer.TrainAsync(agent, task, Epochs, _ => Task.Delay(100));
                await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());
            }

            var ids = new List<string>();
            for (var sweep = 0; sweep < Sweeps; sweep++)
            {
                ids.Add(await SubmitAsync(coordinator, sweep));
            }

            for (var fault = 0; fault < 12; fault++)
            {
                await Task.Delay(random.Next(50, 400), Cancellation);
                if (fault == 6)
                {
                    await coordinator.DisposeAsync();
                    coordinator = await RunningCoordinator.StartInAsync(folder["data"]);
                    foreach (var agent in agents)
                    {
                        await agent.ConnectAsync(coordinator.Grpc.CreateCallInvoker());
                    }
                }

                await DisturbAsync(agents[random.Next(agents.Length)], random.Next(4), coordinator.Grpc.CreateCallInvoker());
            }

            foreach (var id in ids)
            {
                await Eventually.TrueAsync(async () => await StateAsync(coordinator, id) != "running", Patience, $"{id} ends");
                AssertWhole(await GetAsync(coordinator, id));
            }

            // Nothing is left that anybody waits for, and no slot is held for nobody.
            var cluster = new ClusterService.ClusterServiceClient(coordinator.Grpc);
            await Eventually.TrueAsync(async () => (await cluster.GetClusterAsync(new GetClusterRequest())).SlotsWanted == 0, Patience);
            await AssertJournalAsync(coordinator.Get<IJournal>(), agents.Length);
        }
        finally
        {
            foreach (var agent in agents)
            {
                await agent.DisposeAsync();
            }

            await coordinator.DisposeAsync();
        }
    }

    private static async Task DisturbAsync(FakeAgent agent, int how, CallInvoker calls)
    {
        switch (how)
        {
            case 0:
                // Cut off for a moment: what runs goes on.
                await agent.DisconnectAsync();
                await Task.Delay(200, Cancellation);
                await agent.ConnectAsync(calls);
                break;
            case 1:
                // The machine restarts at once, with nothing of what it ran.
                await agent.DieAsync();
                agent.Pid++;
                await agent.ConnectAsync(calls);
                break;
            case 2:
                agent.Repeat(5);
                break;
            default:
                if (agent.Tasks.FirstOrDefault(task => !task.Stopped.IsCompleted) is { } victim)
                {
                    victim.Stop(gracefully: false);
                    agent.Fail(victim, "lost", "its process was killed");
                }

                break;
        }
    }

    private static void AssertWhole(Sweep sweep)
    {
        Assert.True(sweep.State == "succeeded", $"{sweep.Id} is {sweep.State}: {sweep.Message}");
        Assert.Equal(Enumerable.Range(0, Trials), sweep.Trials.Select(trial => trial.Number));
        Assert.All(sweep.Trials, trial => Assert.Equal(("succeeded", Epochs), (trial.State, trial.Epochs)));
        Assert.True(sweep.Repeatable);
    }

    /// <summary>In the order of the journal: no slot goes to two generations at once, no run has two, every one ends once, every epoch is told once.</summary>
    private static async Task AssertJournalAsync(IJournal journal, int agents)
    {
        var held = new Dictionary<(string Agent, int Slot), string>();
        var live = new Dictionary<string, IReadOnlyList<MemberPlace>>(StringComparer.Ordinal);
        var ended = new HashSet<string>(StringComparer.Ordinal);
        var epochs = new Dictionary<string, int>(StringComparer.Ordinal);
        await foreach (var row in journal.ReadAllAsync(0, Cancellation))
        {
            if (row.Stream.Category != "run")
            {
                continue;
            }

            var run = row.Stream.Id;
            switch (EventStore<RunState, RunEvent>.Read(row))
            {
                case RunEvent.GenerationProposed e:
                    Assert.True(live.TryAdd(run, e.Members), $"{run} has two generations");
                    Assert.All(e.Members, member => Assert.True(held.TryAdd((member.Agent, member.Slot), run), $"{member.Agent}:{member.Slot} is taken twice"));
                    break;
                case RunEvent.MemberEnded e:
                    // Its trainer is gone, though others of the gang may not have ended.
                    FreeSlot(live[run][e.Rank], run);
                    break;
                case RunEvent.MemberDropped e:
                    FreeSlot(live[run][e.Rank], run);
                    break;
                case RunEvent.EpochFinished e:
                    Assert.Equal(epochs.GetValueOrDefault(run) + 1, e.Epoch);
                    epochs[run] = e.Epoch;
                    break;
                case RunEvent.GenerationFailed or RunEvent.MemberRefused or RunEvent.TrainingEnded or RunEvent.TestScored:
                    Free(run);
                    break;
                case RunEvent.RunEnded:
                    Free(run);
                    Assert.True(ended.Add(run), $"{run} ended twice");
                    break;
                default:
                    break;
            }
        }

        Assert.Empty(live);
        Assert.Equal(Sweeps * Trials, ended.Count);
        Assert.All(epochs.Values, count => Assert.Equal(Epochs, count));
        Assert.Equal(agents, (await journal.ListStreamsAsync("worker", Cancellation)).Count);

        void Free(string run)
        {
            if (live.Remove(run, out var members))
            {
                foreach (var member in members)
                {
                    FreeSlot(member, run);
                }
            }
        }

        void FreeSlot(MemberPlace place, string run)
        {
            if (held.GetValueOrDefault((place.Agent, place.Slot)) == run)
            {
                held.Remove((place.Agent, place.Slot));
            }
        }
    }

    private static async Task<string> SubmitAsync(RunningCoordinator coordinator, int number) => (await new SweepService.SweepServiceClient(coordinator.Grpc).SubmitSweepAsync(
        new SubmitSweepRequest
        {
            File = $$"""
                name: sim{{number}}
                workload: image-classifier
                dataset: digits
                seed: {{number}}
                model: { architecture: mlp, hidden: 8 }
                training: { epochs: {{Epochs}}, batch_size: 64, workers: { min: {{1 + number}}, max: {{2 + number}} }, failures: { lost: 100 }, optimizer: { name: adamw, learning_rate: $lr } }
                search: { sampler: random, trials: {{Trials}}, parallel: 4, objective: { metric: val_accuracy, goal: maximize } }
                parameters: { lr: { loguniform: [1e-4, 1e-1] } }
                """,
        },
        cancellationToken: Cancellation)).Id;

    private static async Task<Sweep> GetAsync(RunningCoordinator coordinator, string id) =>
        await new SweepService.SweepServiceClient(coordinator.Grpc).GetSweepAsync(new GetSweepRequest { Id = id }, cancellationToken: Cancellation);

    private static async Task<string> StateAsync(RunningCoordinator coordinator, string id) => (await GetAsync(coordinator, id)).State;
}
