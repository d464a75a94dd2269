using CsCheck;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class StepTrailTests
{
    [Fact]
    public void The_step_in_which_two_runs_part_is_found_within_the_trails_stride() => Gen.Select(Gen.Int[1, 9000], Gen.Int[0, 8999], Gen.Bool).Sample((steps, at, inLoss) =>
    {
        var (left, right) = (Trail(steps, -1, inLoss), Trail(steps, at, inLoss));
        if (at >= steps)
        {
            Assert.Null(StepTrail.Parting(left.Record!, right.Record!));
            return;
        }

        var (first, last) = StepTrail.Parting(left.Record!, right.Record!)!.Value;
        Assert.InRange(at + 1, first, last);
        Assert.Equal(steps <= 2048 ? 1 : left.Record!.Stride, last - first + 1);
    });

    [Fact]
    public void A_trail_that_goes_on_from_a_checkpoint_is_that_of_one_that_never_stopped() => Gen.Select(Gen.Int[0, 9000], Gen.Int[0, 9000]).Sample((before, after) =>
    {
        var resumed = new StepTrail();
        resumed.Restore(Trail(before, -1, true).Record, before);
        Go(resumed, before, before + after, -1, true);
        var whole = Trail(before + after, -1, true);
        Assert.Equal((whole.Record!.Stride, Convert.ToHexString(whole.Record.Digests)), (resumed.Record!.Stride, Convert.ToHexString(resumed.Record.Digests)));
    });

    [Fact]
    public void Without_its_beginning_there_is_no_trail()
    {
        var trail = new StepTrail();
        trail.Restore(null, 7);
        trail.Add(1, 1);
        Assert.Null(trail.Record);
        trail.Restore(new StepTrailRecord(1, new byte[16]), 7);
        Assert.Null(trail.Record);
    }

    private static StepTrail Trail(int steps, int differentAt, bool inLoss)
    {
        var trail = new StepTrail();
        Go(trail, 0, steps, differentAt, inLoss);
        return trail;
    }

    private static void Go(StepTrail trail, int from, int to, int differentAt, bool inLoss)
    {
        for (var step = from; step < to; step++)
        {
            var (loss, norm) = (1.0 / (step + 1), Math.Sqrt(step));
            trail.Add(
                step == differentAt && inLoss ? Math.BitIncrement(loss) : loss,
                step == differentAt && !inLoss ? Math.BitIncrement(norm) : norm);
        }
    }
}
