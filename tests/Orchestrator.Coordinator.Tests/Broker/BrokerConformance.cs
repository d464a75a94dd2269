using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Broker;

/// <summary>What every transport must do. A subclass says which one.</summary>
public abstract class BrokerConformance : IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly List<BrokerPeer> peers = [];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Of a cluster of its own.</summary>
    protected BrokerOptions Options { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Options = await PrepareAsync() with { ClusterName = $"test-{Guid.NewGuid():N}" };

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in peers)
        {
            await peer.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Every_message_reaches_its_handler()
    {
        var peer = await StartAsync();

        await Task.WhenAll(Enumerable.Range(0, 500).Select(number => peer.Broker.SendAsync(BrokerPeer.Trial(number), Token)));

        await Eventually.TrueAsync(() => peer.Trials().Distinct().Count() == 500, Patience);
        Assert.Equal(Enumerable.Range(0, 500), peer.Trials().Distinct().Order());
    }

    [Fact]
    public async Task A_message_arrives_as_it_was_sent()
    {
        var peer = await StartAsync();
        var sent = new TrialReported("s", 1, 2, "r", 3, new Dictionary<string, double>(StringComparer.Ordinal) { ["loss"] = double.NaN, ["Accuracy"] = 0.1 });

        await peer.Broker.SendAsync(sent, Token);
        await peer.Broker.SendAsync(new StopTrial("s", 1, 2, "r", true), Token);

        await Eventually.TrueAsync(() => peer.Received.Count == 2, Patience);
        var got = peer.Received.OfType<TrialReported>().Single();
        Assert.Equal(sent with { Metrics = got.Metrics }, got);
        Assert.Equal(sent.Metrics, got.Metrics);
        Assert.Equal(new StopTrial("s", 1, 2, "r", true), peer.Received.OfType<StopTrial>().Single());
    }

    [Fact]
    public async Task A_message_sent_twice_is_handled_twice_so_that_handlers_must_be_idempotent()
    {
        var peer = await StartAsync();
        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);
        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);
        await Eventually.TrueAsync(() => peer.Trials().SequenceEqual([1, 1]), Patience);
    }

    [Fact]
    public async Task A_slow_handler_holds_up_nobody_elses_message()
    {
        var peer = await StartAsync();
        var release = new TaskCompletionSource();
        peer.Work = (message, token) => message is RunTrial { Trial: 0 } ? release.Task.WaitAsync(token) : Task.CompletedTask;

        foreach (var number in Enumerable.Range(0, 20))
        {
            await peer.Broker.SendAsync(BrokerPeer.Trial(number), Token);
        }

        await Eventually.TrueAsync(() => peer.Trials().Count() == 19, Patience);
        release.SetResult();
        await Eventually.TrueAsync(() => peer.Trials().Count() == 20, Patience);
    }

    [Fact]
    public async Task A_message_that_fails_at_first_is_tried_again()
    {
        var peer = await StartAsync();
        var attempts = 0;
        peer.Work = (_, _) => Interlocked.Increment(ref attempts) < 3 ? throw new InvalidOperationException("not yet") : Task.CompletedTask;

        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);

        await Eventually.TrueAsync(() => peer.Trials().Any(), Patience);
        Assert.Equal(3, attempts);
        Assert.Equal(0, await peer.Broker.CountAsync(Token));
    }

    [Fact]
    public async Task A_message_that_nobody_can_handle_becomes_a_dead_letter_and_the_others_go_on()
    {
        var peer = await StartAsync(options => options with { Retries = [TimeSpan.Zero, TimeSpan.Zero] });
        var attempts = 0;
        peer.Work = (message, _) => message is RunTrial { Trial: 1 } && Interlocked.Increment(ref attempts) > 0
            ? throw new InvalidOperationException("poison")
            : Task.CompletedTask;

        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);
        await peer.Broker.SendAsync(BrokerPeer.Trial(2), Token);
        await peer.Broker.SendAsync(new TrialStarted("s", 1, 1, "nobody handles this here"), Token);

        await Eventually.TrueAsync(async () => await peer.Broker.CountAsync(Token) == 2, Patience);
        await Eventually.TrueAsync(() => peer.Trials().SequenceEqual([2]), Patience);
        Assert.Equal(3, attempts);
    }

    [Fact]
    public async Task A_message_waits_for_as_long_as_the_journal_is_away()
    {
        var peer = await StartAsync(options => options with { Retries = [] });
        var attempts = 0;
        peer.Work = (_, _) => Interlocked.Increment(ref attempts) switch
        {
            < 4 => throw new JournalException("journal-unreachable", "away", "wait", passing: true),
            4 => throw new StreamConflictException(new StreamId("run", "r"), 1, 2),
            _ => Task.CompletedTask,
        };

        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);

        await Eventually.TrueAsync(() => peer.Trials().Any(), Patience);
        Assert.Equal(0, await peer.Broker.CountAsync(Token));
    }

    [Fact]
    public async Task The_trace_goes_on_in_the_handler()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "MassTransit" or "test",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("test");
        var peer = await StartAsync();
        var seen = new ConcurrentQueue<ActivityTraceId>();
        peer.Work = (_, _) =>
        {
            seen.Enqueue(Activity.Current?.TraceId ?? default);
            return Task.CompletedTask;
        };

        using var activity = source.StartActivity("submit");
        await peer.Broker.SendAsync(BrokerPeer.Trial(1), Token);

        await Eventually.TrueAsync(() => !seen.IsEmpty, Patience);
        Assert.Equal(activity!.TraceId, seen.Single());
    }

    [Fact]
    public async Task What_is_no_message_between_the_roles_is_refused()
    {
        var peer = await StartAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => peer.Broker.SendAsync("text", Token));
    }

    [Fact]
    public async Task A_send_before_the_start_waits_and_then_says_so()
    {
        var peer = Add(options => options with { SendTimeout = TimeSpan.FromMilliseconds(200) });
        await Assert.ThrowsAsync<BrokerUnavailableException>(() => peer.Broker.SendAsync(BrokerPeer.Trial(1), Token));
        using var impatient = new CancellationTokenSource();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => peer.Broker.SendAsync(BrokerPeer.Trial(1), impatient.Token));
    }

    [Fact]
    public async Task The_bus_and_the_dead_letters_are_one_broker_that_starts_with_the_host()
    {
        await using var services = new ServiceCollection().AddBroker(Options).BuildServiceProvider();
        var broker = services.GetRequiredService<MessageBroker>();
        Assert.Same(broker, services.GetRequiredService<IMessageBus>());
        Assert.Same(broker, services.GetRequiredService<IDeadLetters>());
        Assert.Same(broker, services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().Single());
        await using var later = new ServiceCollection().AddBroker(Options with { StartWithHost = false }).BuildServiceProvider();
        Assert.Empty(later.GetServices<Microsoft.Extensions.Hosting.IHostedService>());
    }

    /// <summary>The transport, and what its server needs to be there.</summary>
    protected abstract ValueTask<BrokerOptions> PrepareAsync();

    private protected BrokerPeer Add(Func<BrokerOptions, BrokerOptions>? change = null)
    {
        var peer = new BrokerPeer(change is null ? Options : change(Options));
        peers.Add(peer);
        return peer;
    }

    private protected async Task<BrokerPeer> StartAsync(Func<BrokerOptions, BrokerOptions>? change = null)
    {
        var peer = Add(change);
        await peer.Broker.StartAsync(Token);
        return peer;
    }
}
