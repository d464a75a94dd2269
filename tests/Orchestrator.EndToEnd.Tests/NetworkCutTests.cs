using System.Text.Json;
using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

namespace Orchestrator.EndToEnd.Tests;

/// <summary>
/// Networks that are cut between hosts, with nobody's connection ended: whoever hears each other goes on, in the processes that they are, and the run ends with the same bits. The hosts are network namespaces, for which
/// these tests take root (see <see cref="Hosts"/>).
/// </summary>
public sealed class NetworkCutTests(NetworkCutTests.ThreeHosts three) : IClassFixture<NetworkCutTests.ThreeHosts>, IDisposable
{
    [Fact(Timeout = 240_000)]
    public async Task A_cut_between_two_hosts_takes_one_of_them_out_and_whoever_hears_each_other_goes_on()
    {
        var gang = await three.StartRunAsync();
        await gang.CutAsync((0, 1), (1, 0));
        // Of two sets as large the one with the lowest rank.
        await gang.GoesOnWithAsync(0, 2);
        // The network is whole again while they recover; the one that was left out would come back as a newcomer in a while.
        await gang.HealAsync();
        await gang.RetireAsync(1);

        // One way is enough, and lasts.
        await gang.CutAsync((2, 0));
        await gang.GoesOnWithAsync(0);
        await gang.EndsWithoutAsync(1, 2);
    }

    [Fact(Timeout = 240_000)]
    public async Task A_host_that_nobody_hears_for_a_moment_keeps_its_place_and_for_longer_changes_nothing_when_it_is_back()
    {
        var gang = await three.StartRunAsync();
        await gang.CutOffAsync(0);
        // How long it lasts is the fault's, not something that is waited for.
        await Task.Delay(500, TestContext.Current.CancellationToken);
        await gang.HealAsync();
        Assert.Empty((await gang.GoesOnWithAsync(0, 1, 2)).Items("failures"));

        await gang.CutOffAsync(0);
        await gang.GoesOnWithAsync(1, 2);
        await gang.HealAsync();
        await gang.EndsWithoutAsync(0);
    }

    public void Dispose() => three.ShowLogs();

    /// <summary>Three hosts with an agent each, and the coordinator on a fourth.</summary>
    public sealed class ThreeHosts : IAsyncLifetime
    {
        private const int Count = 3;

        private readonly Staying?[] agents = new Staying?[1 + Count];
        private Hosts? hosts;
        private Cluster? cluster;
        private JsonElement? undisturbed;

        public async ValueTask InitializeAsync()
        {
            hosts = await Hosts.CreateAsync(1 + Count);
            cluster = await Cluster.PrepareOn(hosts, "--workers", "0").UpAsync();
        }

        /// <summary>A run on all three, under way.</summary>
        internal async Task<Gang> StartRunAsync()
        {
            await hosts!.HealAsync();
            for (var host = 1; host <= Count; host++)
            {
                agents[host] ??= cluster!.StartAgentOn(hosts, host);
            }

            await cluster!.UntilReadyAsync(Count);
            var run = await SlowRun.StartAsync(cluster, min: 1, max: 3, known: undisturbed);
            undisturbed = run.Undisturbed;
            var trained = await run.UntilTrainedByAsync(Count);
            var listed = await cluster.ListAsync("worker", "list");
            return new Gang(this, run, [.. trained.Items("workers").OrderBy(worker => worker.Number("rank")).Select(worker => new Rank(
                worker.Number("pid"), worker.Text("id"), HostOf(listed.Single(agent => agent.Text("id") == worker.Text("id")).Number("pid"))))]);
        }

        internal Task CutAsync((int From, int To)[] pairs) => hosts!.CutAsync(pairs);

        internal Task HealAsync() => hosts!.HealAsync();

        /// <summary>SIGKILL to a host's agent; the next run gets another.</summary>
        internal async Task RetireAsync(int host)
        {
            using var agent = agents[host]!;
            agents[host] = null;
            agent.Signal(Processes.Kill);
            await agent.ExitAsync();
        }

        internal void ShowLogs()
        {
            if (TestContext.Current.TestState?.Result == TestResult.Failed)
            {
                TestContext.Current.TestOutputHelper?.WriteLine(cluster!.Logs());
            }
        }

        public ValueTask DisposeAsync()
        {
            cluster?.Dispose();
            Array.ForEach(agents, agent => agent?.Dispose());
            hosts?.Dispose();
            return ValueTask.CompletedTask;
        }

        private int HostOf(int agent) => Array.FindIndex(agents, one => one?.Pid == agent);
    }

    internal sealed record Rank(int Trainer, string Agent, int Host);

    /// <summary>A run's three trainers, and the network between them.</summary>
    internal sealed class Gang(ThreeHosts three, SlowRun run, Rank[] ranks)
    {
        /// <summary>What the one rank of a pair says to the other does not arrive.</summary>
        public Task CutAsync(params (int From, int To)[] pairs) => three.CutAsync([.. pairs.Select(pair => (ranks[pair.From].Host, ranks[pair.To].Host))]);

        /// <summary>From the coordinator, too.</summary>
        public Task CutOffAsync(int rank)
        {
            var host = ranks[rank].Host;
            return three.CutAsync([.. ranks.Select(each => each.Host).Append(0).Where(other => other != host).SelectMany(other => new[] { (host, other), (other, host) })]);
        }

        public Task HealAsync() => three.HealAsync();

        /// <summary>No newcomer comes from there.</summary>
        public Task RetireAsync(int rank) => three.RetireAsync(ranks[rank].Host);

        /// <summary>Returns once these train it, and nobody else, in the processes that they were from the beginning.</summary>
        public async Task<JsonElement> GoesOnWithAsync(params int[] those)
        {
            var now = await run.UntilTrainedByAsync(those.Length);
            Assert.Equal(those.Select(rank => ranks[rank].Trainer), SlowRun.Trainers(now));
            return now;
        }

        /// <summary>They were taken out, in this order, and are the only ones who paid for it.</summary>
        public async Task EndsWithoutAsync(params int[] those)
        {
            var ended = await run.EndsTheSameAsync();
            Assert.Equal(those.Select(rank => ("lost", ranks[rank].Agent)), ended.Items("failures").Select(failure => (failure.Text("kind"), failure.Text("worker"))));
            // A newcomer would come after them.
            Assert.Equal(ranks.Where((_, rank) => !those.Contains(rank)).Select(rank => rank.Trainer), SlowRun.Trainers(ended).Take(ranks.Length - those.Length));
            await HealAsync();
            await Eventually.TrueAsync(() => those.All(rank => !Processes.IsAlive(ranks[rank].Trainer)), TimeSpan.FromSeconds(90));
        }
    }
}
