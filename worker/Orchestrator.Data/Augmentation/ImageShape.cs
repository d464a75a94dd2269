namespace Orchestrator.Data.Augmentation;

/// <summary>An image's shape: [channels, height, width], row-major.</summary>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    public int Elements => checked(Channels * Height * Width);

    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
