using Orchestrator.Data.Formats;

namespace Orchestrator.Data.Importing;

/// <summary>Collects rows and writes them as chunks, one chunk's worth in memory.</summary>
internal sealed class DatasetFolder(string directory, int rowsPerChunk, IProgress<long>? progress, CancellationToken cancellationToken)
{
    private readonly List<ChunkSpec> chunks = [];
    private FeatureBuffer[] features = [];
    private SourceSplit split;
    private int rows;
    private long written;

    /// <summary>In the order in which they were written.</summary>
    public IReadOnlyList<ChunkSpec> Chunks => chunks;

    /// <summary>Room for the current row of each feature.</summary>
    public FeatureBuffer Feature(int index) => features[index];

    public void Begin(params FeatureBuffer[] buffers)
    {
        features = buffers;
        foreach (var feature in features)
        {
            feature.Reserve(rowsPerChunk);
        }
    }

    /// <summary>Rows from here on belong to this split of the source; a chunk never holds two.</summary>
    public void Enter(SourceSplit next)
    {
        Flush();
        split = next;
    }

    /// <summary>The current row of all features is there.</summary>
    public void EndRow()
    {
        // What the model will see: the test part decides nothing, not even the scale.
        var counts = split is SourceSplit.Train or SourceSplit.All;
        foreach (var feature in features)
        {
            feature.EndRow(counts);
        }

        if (++rows == rowsPerChunk)
        {
            Flush();
        }
    }

    public void Flush()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (rows == 0)
        {
            return;
        }

        var aside = Path.Combine(directory, "chunks", "next");
        var entries = features.Select(feature => new TensorEntry(
            feature.Name, feature.DType, [rows, .. feature.Shape], offset => feature.Rows(rows)[(int)offset..])).ToArray();
        var hash = SafetensorsWriter.Write(aside, entries, fsync: true, cancellationToken: cancellationToken);
        var bytes = new FileInfo(aside).Length;

        // Equal rows make equal chunks: the file is the same one.
        File.Move(aside, Dataset.ChunkPath(directory, hash), overwrite: true);
        chunks.Add(new ChunkSpec(hash, split, rows, bytes));
        written += rows;
        progress?.Report(written);
        rows = 0;
        foreach (var feature in features)
        {
            feature.Rewind();
        }
    }
}
