using Orchestrator.Data.Augmentation;

namespace Orchestrator.Data.Importing;

/// <summary>What a source may leave open.</summary>
public sealed record ImportOptions
{
    /// <summary>idx or csv; told from the path where null.</summary>
    public string? Format { get; init; }

    /// <summary>csv: the column to be predicted, by its name in the header; the last one where null.</summary>
    public string? Target { get; init; }

    /// <summary>csv: the other columns are one image, row by row, channel after channel.</summary>
    public ImageShape? ImageShape { get; init; }

    /// <summary>csv: the target is a quantity, even where all its values are whole.</summary>
    public bool Regression { get; init; }

    /// <summary>Rows of a chunk file, and so what is held in memory.</summary>
    public int RowsPerChunk { get; init; } = 16_384;
}
