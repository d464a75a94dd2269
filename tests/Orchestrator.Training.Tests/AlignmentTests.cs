using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class AlignmentTests
{
    [Fact]
    public void Level_members_send_nothing() => Assert.Empty(Alignment.Of([At(5, 1), At(5, 1)]).Receivers);

    [Fact]
    public void Who_is_a_step_or_an_epoch_behind_takes_the_state_from_the_lowest_rank_ahead()
    {
        Assert.Equal((1, "0"), Text(Alignment.Of([At(5, 1), At(6, 1), At(6, 1)])));
        Assert.Equal((2, "0,1"), Text(Alignment.Of([At(6, 1), At(6, 1), At(6, 2)])));
    }

    [Fact]
    public void A_newcomer_takes_it_however_far_it_says_it_is() =>
        Assert.Equal((1, "0,2"), Text(Alignment.Of([new MemberState(false, 99, 9), At(5, 1), new MemberState(false, 0, 0)])));

    [Fact]
    public void Nobody_can_begin_where_nobody_has_the_state() => Assert.Equal(-1, Alignment.Of([new MemberState(false, 0, 0)]).Source);

    [Fact]
    public void A_gang_that_has_parted_is_an_error() => Assert.Throws<InvalidOperationException>(() => Alignment.Of([At(5, 1), At(7, 1)]));

    private static MemberState At(long step, int epoch) => new(true, step, epoch);

    private static (int, string) Text(Alignment alignment) => (alignment.Source, string.Join(',', alignment.Receivers));
}
