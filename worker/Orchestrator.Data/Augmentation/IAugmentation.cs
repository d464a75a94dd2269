using Orchestrator.Data.Sampling;

namespace Orchestrator.Data.Augmentation;

/// <summary>Changes one image at random, in place. What it draws comes from the sample's own stream alone, so any worker draws the
/// same.</summary>
public interface IAugmentation
{
    /// <param name="image">[channels, height, width], row-major.</param>
    /// <param name="random">The sample's stream: <see cref="Augmentations.StreamOf"/>.</param>
    void Apply(Span<float> image, ImageShape shape, ref CounterRandom random);
}

public static class Augmentations
{
    /// <summary>The names that <see cref="Create"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["horizontal-flip", "shift", "crop"];

    /// <param name="name">
    /// horizontal-flip: mirrors every other image. shift: moves by up to <paramref name="amount"/> pixels either way. crop: cuts the
    /// image's size out of the image padded by
    /// <paramref name="amount"/> pixels all round.
    /// </param>
    /// <param name="pad">What uncovered pixels become, in the units of the image (0 is black before normalisation).</param>
    /// <exception cref="ArgumentException">The name is not known, or the amount is no whole number from 1 to 4096 (0 for a
    /// flip).</exception>
    public static IAugmentation Create(string name, double amount = 0, float pad = 0)
    {
        if (name == "horizontal-flip")
        {
            return amount == 0 ? new HorizontalFlip() : throw new ArgumentException("horizontal-flip takes no amount.", nameof(amount));
        }

        var pixels = amount is >= 1 and <= 4096 && amount == Math.Floor(amount) ? (int)amount : 0;
        return name switch
        {
            "shift" or "crop" when pixels == 0 => throw new ArgumentException(
                $"{name} takes a whole number of pixels from 1 to 4096, not {amount}.", nameof(amount)),
            "shift" => new Shift(pixels, pad),

            // A random window of the padded image is the image moved by the window's offset.
            "crop" => new Shift(pixels, pad),
            _ => throw new ArgumentException($"'{name}' is no augmentation; known are {string.Join(", ", Names)}.", nameof(name)),
        };
    }

    /// <summary>The stream of one sample in one epoch.</summary>
    /// <param name="position">Its position in the epoch's order.</param>
    public static CounterRandom StreamOf(long seed, long epoch, long position) => new(seed, RandomStream.Augmentation, epoch, position);
}
