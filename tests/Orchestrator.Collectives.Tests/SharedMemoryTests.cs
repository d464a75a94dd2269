using Orchestrator.Collectives.SharedMemory;

namespace Orchestrator.Collectives.Tests;

/// <summary>Who shares memory with whom, and what becomes of it.</summary>
public sealed class SharedMemoryTests
{
    [Fact]
    public async Task Ranks_that_may_not_share_memory_use_tcp_and_say_why()
    {
        await using var gang = await Gang.ConnectAsync(
            ShardPlan.Even(2, 2), new CollectiveOptions { SharedMemory = false });
        Assert.All(gang.Ranks, collective => Assert.Equal("tcp (shared memory is switched off)", collective.Transport));
        gang.Each(collective => Assert.Equal(2, collective.AllGather([1]).Length));
    }

    [Fact]
    public async Task Ranks_of_different_hosts_use_tcp_and_say_so()
    {
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2), host: rank => $"host {rank}");
        Assert.Equal(["tcp (rank 1 is on another host)", "tcp (rank 0 is on another host)"], gang.Ranks.Select(rank => rank.Transport));
    }

    [Fact]
    public async Task A_rank_without_shared_memory_sums_with_those_that_have_it()
    {
        var plan = ShardPlan.Even(7, 3);
        await using var gang = await Gang.ConnectAsync(plan, shares: rank => rank != 1);
        Assert.Contains("rank 1 shares no memory", gang.Ranks[0].Transport, StringComparison.Ordinal);
        Assert.Contains("switched off", gang.Ranks[1].Transport, StringComparison.Ordinal);
        CollectiveConformance.Check<float>(gang, plan, 300_001, 300_001, 1);
    }

    [Fact]
    public void A_host_is_a_kernel_with_its_processes_and_its_network() =>
        Assert.Matches(@"^[0-9a-f-]{36} pid:\[\d+\] net:\[\d+\]$", SegmentOffer.ThisHost());

    [Fact]
    public void A_name_alone_opens_nothing()
    {
        // The right process and file, another generation's nonce.
        var segment = Segment.Create();
        var offer = SegmentOffer.Of(segment, "here");
        PeerSegment.Open(offer).Dispose();
        offer.Nonce[3] ^= 1;
        Assert.Throws<IOException>(() => PeerSegment.Open(offer));
        Assert.Throws<IOException>(() => PeerSegment.Open(offer with { Length = 1 << 20 }));
        Assert.Throws<IOException>(() => PeerSegment.Open(offer with { File = 0 }));
        Assert.Throws<IOException>(() => PeerSegment.Open(offer with { Process = int.MaxValue }));
        segment.Release();
    }

    [Fact]
    public void Ranks_are_a_host_only_where_all_can_read_each_other()
    {
        Assert.Equal([[0, 1, 2]], HostMeeting.GroupsOf(3, (_, _) => true));
        Assert.Equal([[0], [1], [2]], HostMeeting.GroupsOf(3, (_, _) => false));
        Assert.Equal([[0, 2], [1, 3]], HostMeeting.GroupsOf(4, (one, other) => (one - other) % 2 == 0));

        // 0 knows both, they do not know each other.
        Assert.Equal([[0, 1], [2]], HostMeeting.GroupsOf(3, (one, other) => one == 0 || other == 0));
    }

    [Fact]
    public void Hosts_bring_the_fewest_whole_subtrees_of_their_ranks()
    {
        var layout = new HostLayout(ShardPlan.Even(8, 4), [[0, 1], [2, 3]], 3);
        Assert.Equal([new TreeNode(0, 4)], layout.Nodes[0]);
        Assert.Equal([new TreeNode(4, 8)], layout.Nodes[1]);
        Assert.Equal((1, 1, 2), (layout.Host, layout.Member, layout.Owners));

        // Ranks that do not follow each other, and a host that is smaller.
        var apart = new HostLayout(ShardPlan.Even(8, 4), [[0, 2, 3], [1]], 0);
        Assert.Equal([new TreeNode(0, 2), new TreeNode(4, 8)], apart.Nodes[0]);
        Assert.Equal(1, apart.Owners);
    }

    [Fact]
    public async Task Buffers_are_zero_when_their_memory_is_used_again()
    {
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2));
        var first = gang.Ranks[0].Allocate(100_000);
        var address = first.Address;
        first.Span<byte>(0, 100_000).Fill(7);
        first.Dispose();
        using var second = gang.Ranks[0].Allocate(100_000);
        Assert.Equal(address, second.Address);
        Assert.False(second.Span<byte>(0, 100_000).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public async Task A_total_is_the_memory_of_those_who_add_it()
    {
        const int Pages = 7;
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2));
        var totals = new CollectiveBuffer[2];
        gang.Each(collective => totals[collective.Rank] = collective.AllocateTotal(Pages * 4096));
        Assert.Equal([(0, 3 * 1024), (3 * 1024, 4 * 1024)], Enumerable.Range(0, 2).Select(member => ((SharedTotal)totals[0]).PartOf(member, totals[0].Address, Pages * 1024, sizeof(float))));
        Assert.Equal([(0, 0), (0, 24)], Enumerable.Range(0, 2).Select(member => ((SharedTotal)totals[0]).PartOf(member, totals[0].Address + (4 * 4096), 24, sizeof(float))));

        // Rank 0 writes its part, and rank 1 has it.
        totals[0].Span<byte>(0, 3 * 4096).Fill(7);
        Assert.False(totals[1].Span<byte>(0, 3 * 4096).ContainsAnyExcept((byte)7));
        Assert.False(totals[1].Span<byte>(3 * 4096, 4 * 4096).ContainsAnyExcept((byte)0));
        Array.ForEach(totals, total => total.Dispose());
    }

    [Fact]
    public async Task Where_one_rank_has_no_room_for_its_part_of_a_total_all_have_memory_of_their_own()
    {
        const int Elements = 25 << 20;
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2));
        var greatest = Segment.Create();
        var most = greatest.Length - (64 << 20);
        greatest.Release();
        using var all = gang.Ranks[0].Allocate(most);
        gang.Each(collective =>
        {
            using var total = collective.AllocateTotal(sizeof(float) * (long)Elements);
            Assert.IsNotType<SharedTotal>(total);
            collective.AllReduce<float>(new float[Elements], Elements, total.Span<float>(0, Elements));
        });
    }

    [Fact]
    public async Task Ranks_of_which_one_gives_no_shared_total_notice_before_they_add()
    {
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2));
        var failures = gang.Failures(collective =>
        {
            using var total = collective.AllocateTotal(100_000);
            collective.AllReduce<float>(new float[25_000], 25_000, collective.Rank == 0 ? total.Span<float>(0, 25_000) : new float[25_000]);
        });
        Assert.All(failures, failure => Assert.Equal(CollectiveFailure.Protocol, Assert.IsType<CollectiveException>(failure).Failure));
    }

    [Fact]
    public async Task More_than_there_is_room_for_is_allocated_elsewhere()
    {
        await using var gang = await Gang.ConnectAsync(ShardPlan.Even(2, 2));
        var greatest = Segment.Create();
        var most = greatest.Length - (64 << 20);
        greatest.Release();
        using var all = gang.Ranks[0].Allocate(most);
        using var more = gang.Ranks[0].Allocate(100 << 20);
        more.Span<byte>(0, 10).Fill(1);
        Assert.False(more.Address >= all.Address && more.Address < all.Address + (nint)most);
    }
}
