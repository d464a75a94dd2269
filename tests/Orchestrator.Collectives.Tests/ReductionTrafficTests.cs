using Orchestrator.Collectives.Tcp;

namespace Orchestrator.Collectives.Tests;

/// <summary>What docs/scaling.md says a sum costs is what goes over the wire.</summary>
public sealed class ReductionTrafficTests
{
    [Theory]
    [InlineData(1000)]
    [InlineData(300_007)]
    public async Task Every_rank_sends_as_much_as_the_arithmetic_says(int elements)
    {
        for (var world = 2; world <= 8; world++)
        {
            // One row a rank, and several.
            foreach (var plan in new[] { ShardPlan.Even(world, world), ShardPlan.Even((2 * world) + 3, world) })
            {
                await using var gang = await Gang.TcpAsync(plan);
                gang.Each(collective =>
                {
                    var rows = plan.OwnedNodes(collective.Rank).Count;
                    collective.AllReduce<float>(new float[rows * elements], elements, new float[elements]);
                    var expected = ReductionTraffic.SentBy(plan, collective.Rank, elements, sizeof(float));
                    Assert.Equal((expected.Bytes, expected.Messages), ((TcpCollective)collective).Sent);
                });
            }
        }
    }

    [Fact]
    public void A_rank_sends_less_than_twice_the_payload_whatever_the_number_of_ranks()
    {
        const int Elements = 25_000_000;
        foreach (var world in new[] { 2, 8, 64, 1000 })
        {
            var traffic = ReductionTraffic.SentBy(ShardPlan.Even(world, world), 0, Elements, sizeof(float));
            Assert.InRange(traffic.Bytes, 4L * Elements * 2 * (world - 1) / world, 8L * Elements * 1.01);
            Assert.Equal(2 * (world - 1), traffic.Messages);
        }
    }
}
