using Orchestrator.Coordinator.Broker;

namespace Orchestrator.Coordinator.Tests.Broker;

public sealed class InMemoryBrokerTests : BrokerConformance
{
    protected override ValueTask<BrokerOptions> PrepareAsync() => new(new BrokerOptions());
}
