using Orchestrator.Data.Sampling;

namespace Orchestrator.Data.Augmentation;

/// <summary>Moves an image by -<paramref name="pixels"/> to +<paramref name="pixels"/> rows and columns, each equally likely; what is
/// uncovered becomes <paramref name="pad"/>.</summary>
public sealed class Shift(int pixels, float pad = 0) : IAugmentation
{
    public void Apply(Span<float> image, ImageShape shape, ref CounterRandom random)
    {
        var down = random.NextInt((2 * pixels) + 1) - pixels;
        var right = random.NextInt((2 * pixels) + 1) - pixels;
        var plane = shape.Height * shape.Width;
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            Move(image.Slice(channel * plane, plane), shape.Height, shape.Width, down, right);
        }
    }

    private void Move(Span<float> plane, int height, int width, int down, int right)
    {
        // Away from where the rows come from, so that none is overwritten before it is read.
        for (var index = 0; index < height; index++)
        {
            var row = down > 0 ? height - 1 - index : index;
            var target = plane.Slice(row * width, width);
            var from = row - down;
            if (from < 0 || from >= height || Math.Abs(right) >= width)
            {
                target.Fill(pad);
                continue;
            }

            var source = plane.Slice(from * width, width);
            if (right >= 0)
            {
                source[..(width - right)].CopyTo(target[right..]);
                target[..right].Fill(pad);
            }
            else
            {
                source[-right..].CopyTo(target);
                target[(width + right)..].Fill(pad);
            }
        }
    }
}
