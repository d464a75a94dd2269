using Orchestrator.Coordinator.Broker;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Broker;

/// <summary>A broker that goes away while it is spoken to.</summary>
public sealed class BrokerAwayTests
{
    [Fact]
    public async Task A_broker_that_dies_while_its_letters_are_counted_is_told_as_one_that_does_not_answer()
    {
        using var mortal = await RabbitMqServer.StartNewAsync();
        var probe = new RabbitMqProbe(BrokerAddress.Parse(mortal.Uri), TimeSpan.FromSeconds(10));

        var exception = await Assert.ThrowsAsync<BrokerException>(() => probe.CountAsync(QueuesOfTheDead(), TestContext.Current.CancellationToken));

        Assert.Equal("broker-unreachable", exception.Code);

        // Asked for once there is a connection.
        IEnumerable<string> QueuesOfTheDead()
        {
            mortal.Kill();
            yield return "runs_error";
        }
    }
}
