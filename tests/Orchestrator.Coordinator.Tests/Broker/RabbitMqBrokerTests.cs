using System.Collections.Concurrent;
using System.Globalization;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Broker;

public sealed class RabbitMqBrokerTests(TestServers servers) : BrokerConformance
{
    private RabbitMqServer server = null!;

    [Fact]
    public async Task A_message_whose_handler_did_not_return_is_delivered_again()
    {
        var forgetful = await StartAsync(options => options with { StopTimeout = TimeSpan.FromSeconds(1) });
        var taken = new TaskCompletionSource();
        forgetful.Work = async (_, _) =>
        {
            taken.TrySetResult();
            await Task.Delay(Timeout.Infinite, Token);
        };
        await forgetful.Broker.SendAsync(BrokerPeer.Trial(7), Token);
        await taken.Task.WaitAsync(Patience, Token);
        await forgetful.Broker.StopAsync(Token);

        var next = await StartAsync();

        await Eventually.TrueAsync(() => next.Trials().SequenceEqual([7]), Patience);
        Assert.Empty(forgetful.Received);
        Assert.Equal(0, await next.Broker.CountAsync(Token));
    }

    [Fact]
    public async Task What_was_handled_is_not_delivered_again()
    {
        var first = await StartAsync();
        await first.Broker.SendAsync(BrokerPeer.Trial(1), Token);
        await Eventually.TrueAsync(() => first.Trials().Any(), Patience);
        await first.Broker.StopAsync(Token);

        var next = await StartAsync();
        await next.Broker.SendAsync(BrokerPeer.Trial(2), Token);

        await Eventually.TrueAsync(() => next.Trials().Contains(2), Patience);
        Assert.Equal([2], next.Trials());
    }

    [Fact]
    public async Task Two_clusters_share_a_broker_and_hear_nothing_of_each_other()
    {
        var here = await StartAsync();
        var there = await StartAsync(options => options with { ClusterName = $"{options.ClusterName}-other" });
        await here.Broker.SendAsync(BrokerPeer.Trial(1), Token);
        await there.Broker.SendAsync(BrokerPeer.Trial(2), Token);
        await Eventually.TrueAsync(() => here.Trials().Any() && there.Trials().Any(), Patience);
        Assert.Equal([1], here.Trials());
        Assert.Equal([2], there.Trials());
    }

    [Fact]
    public async Task Nothing_confirmed_is_lost_when_the_broker_is_killed_in_the_middle()
    {
        using var mortal = await RabbitMqServer.StartNewAsync();
        var peer = await StartAsync(options => options with { Address = mortal.Uri, SendTimeout = TimeSpan.FromSeconds(2), Prefetch = 8 });
        peer.Work = (message, _) => message is RunTrial { Trial: < 0 } ? throw new InvalidOperationException("poison") : Task.CompletedTask;
        await peer.Broker.SendAsync(BrokerPeer.Trial(-1), Token);
        await Eventually.TrueAsync(async () => await peer.Broker.CountAsync(Token) == 1, Patience);

        var confirmed = new ConcurrentQueue<int>();
        var unavailable = 0;
        var next = 0;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var senders = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                var number = Interlocked.Increment(ref next);
                try
                {
                    await peer.Broker.SendAsync(BrokerPeer.Trial(number), enough.Token);
                    confirmed.Enqueue(number);
                }
                catch (BrokerUnavailableException)
                {
                    Interlocked.Increment(ref unavailable);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }, Token)).ToArray();
        await Eventually.TrueAsync(() => confirmed.Count > 200, Patience);

        string[] queues = [$"{Options.ClusterName}.runs", $"{Options.ClusterName}.runs_error"];
        await Eventually.TrueAsync(() => queues.All(mortal.HasWrittenDown), Patience);

        mortal.Kill();
        await Eventually.TrueAsync(() => Volatile.Read(ref unavailable) >= 8, Patience);
        await mortal.StartAsync();

        var before = confirmed.Count;
        await Eventually.TrueAsync(() => confirmed.Count > before + 200, Patience);
        await enough.CancelAsync();
        await Task.WhenAll(senders);
        await Eventually.TrueAsync(() => !confirmed.Except(peer.Trials().ToHashSet()).Any(), Patience);
        Assert.Equal(1, await peer.Broker.CountAsync(Token));
    }

    [Fact]
    public async Task A_wrong_password_is_refused_without_showing_it() =>
        await AssertRefusedAsync("broker-denied", server.Uri.Replace("guest:guest", "guest:guessed", StringComparison.Ordinal));

    [Fact]
    public async Task An_unknown_virtual_host_is_refused() => await AssertRefusedAsync("broker-denied", server.Uri + "nowhere");

    [Fact]
    public async Task A_broker_that_is_not_there_is_refused() =>
        await AssertRefusedAsync("broker-unreachable", $"amqp://me:guessed@127.0.0.1:{FreePort.Next().ToString(CultureInfo.InvariantCulture)}/");

    [Theory]
    [InlineData("http://me:guessed@host/")]
    [InlineData("rabbit")]
    [InlineData("amqp://")]
    public async Task Words_that_are_no_address_are_refused(string address) => await AssertRefusedAsync("broker-address", address);

    [Theory]
    [InlineData("amqp://host", "amqp://guest@host:5672/")]
    [InlineData("amqps://a%40b:c%2Fd@host/x%2Fy", "amqps://a@b@host:5671/x/y")]
    public void Addresses_are_read_as_the_specification_says(string text, string shown) => Assert.Equal(shown, BrokerAddress.Parse(text).ToString());

    protected override async ValueTask<BrokerOptions> PrepareAsync()
    {
        server = await servers.RabbitMqAsync();
        return new BrokerOptions { Address = server.Uri };
    }

    private async Task AssertRefusedAsync(string code, string address)
    {
        var refused = await Assert.ThrowsAsync<BrokerException>(() => StartAsync(options => options with { Address = address }));
        Assert.True(code == refused.Code, refused.ToString());
        Assert.DoesNotContain('\n', refused.Message);
        Assert.DoesNotContain("guessed", refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty(refused.Mend);
    }
}
