using Orchestrator.Data.Augmentation;
using Orchestrator.Data.Sampling;

namespace Orchestrator.Data.Tests;

public sealed class AugmentationTests
{
    private static readonly ImageShape Shape = new(2, 3, 4);

    [Fact]
    public void A_flip_mirrors_every_row_of_about_half_the_images()
    {
        var flipped = 0;
        for (var position = 0; position < 400; position++)
        {
            var image = Apply(Augmentations.Create("horizontal-flip"), position);
            if (image[0] == 4)
            {
                flipped++;
                Assert.Equal(Image().Chunk(4).SelectMany(row => row.Reverse()), image);
            }
            else
            {
                Assert.Equal(Image(), image);
            }
        }

        Assert.InRange(flipped, 140, 260);
    }

    [Theory]
    [InlineData("shift", 2)]
    [InlineData("crop", 1)]
    [InlineData("shift", 7)]
    public void A_shift_moves_all_channels_alike_and_pads_what_it_uncovers(string name, int pixels)
    {
        var met = new HashSet<(int, int)>();
        for (var position = 0; position < 3000; position++)
        {
            var image = Apply(Augmentations.Create(name, pixels, pad: -1), position);
            var offset = Offsets(pixels).Single(
                candidate => Moved(candidate.Down, candidate.Right).SequenceEqual(image) && met.Add(candidate) is var _);
            Assert.InRange(offset.Down, -pixels, pixels);
        }

        // Everything that leaves a pixel of the image in view is met; what leaves none looks alike.
        Assert.Equal(Offsets(pixels).Count(), met.Count);
    }

    [Fact]
    public void The_same_sample_of_the_same_epoch_gets_the_same_image()
    {
        var shift = Augmentations.Create("shift", 2);
        Assert.Equal(Apply(shift, 17), Apply(shift, 17));
        Assert.True(Enumerable.Range(0, 50).Select(position => string.Join(',', Apply(shift, position))).Distinct().Count() > 10);
    }

    [Theory]
    [InlineData("rotate", 1)]
    [InlineData("shift", 0)]
    [InlineData("shift", 1.5)]
    [InlineData("crop", -1)]
    [InlineData("crop", double.NaN)]
    [InlineData("horizontal-flip", 1)]
    public void A_name_or_an_amount_that_makes_no_sense_is_refused(string name, double amount) =>
        Assert.Throws<ArgumentException>(() => Augmentations.Create(name, amount));

    private static float[] Image() => [.. Enumerable.Range(1, Shape.Elements).Select(value => (float)value)];

    private static float[] Apply(IAugmentation augmentation, long position)
    {
        var image = Image();
        var random = Augmentations.StreamOf(7, 1, position);
        augmentation.Apply(image, Shape, ref random);
        return image;
    }

    /// <summary>Those that can be told apart: a shift by the whole size or more leaves nothing but padding, and is listed once.</summary>
    private static IEnumerable<(int Down, int Right)> Offsets(int pixels)
    {
        var nothing = false;
        for (var down = -pixels; down <= pixels; down++)
        {
            for (var right = -pixels; right <= pixels; right++)
            {
                var visible = Math.Abs(down) < Shape.Height && Math.Abs(right) < Shape.Width;
                if (visible || !nothing)
                {
                    nothing |= !visible;
                    yield return (down, right);
                }
            }
        }
    }

    private static float[] Moved(int down, int right)
    {
        var (image, moved) = (Image(), new float[Shape.Elements]);
        for (var index = 0; index < moved.Length; index++)
        {
            var (channel, row, column) = (index / 12, index / 4 % 3, index % 4);
            var (fromRow, fromColumn) = (row - down, column - right);
            moved[index] = fromRow is >= 0 and < 3 && fromColumn is >= 0 and < 4 ? image[(channel * 12) + (fromRow * 4) + fromColumn] : -1;
        }

        return moved;
    }
}
