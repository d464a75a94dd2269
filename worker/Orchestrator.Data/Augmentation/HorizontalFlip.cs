using Orchestrator.Data.Sampling;

namespace Orchestrator.Data.Augmentation;

/// <summary>Mirrors an image left to right with a chance of one half.</summary>
public sealed class HorizontalFlip : IAugmentation
{
    public void Apply(Span<float> image, ImageShape shape, ref CounterRandom random)
    {
        if (random.NextInt(2) == 0)
        {
            return;
        }

        for (var first = 0; first < shape.Elements; first += shape.Width)
        {
            image.Slice(first, shape.Width).Reverse();
        }
    }
}
