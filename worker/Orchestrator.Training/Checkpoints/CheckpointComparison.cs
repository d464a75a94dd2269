using System.Runtime.InteropServices;
using Orchestrator.Data;
using Orchestrator.Data.Formats;

namespace Orchestrator.Training;

/// <summary>A tensor of two checkpoints whose bits differ.</summary>
/// <param name="File">model.safetensors or optimizer.safetensors</param>
/// <param name="Element">The first element that differs, row-major; -1 where shapes differ.</param>
/// <param name="Left">That element in the first checkpoint.</param>
/// <param name="Right">And in the second.</param>
public sealed record TensorParting(string File, string Name, long Element, double Left, double Right);

/// <param name="Steps">In which their runs parted, both inclusive; null where no step's loss or gradient differs, or where a checkpoint has no trail.</param>
/// <param name="Tensors">In the order of the files and names.</param>
public sealed record CheckpointParting((long First, long Last)? Steps, IReadOnlyList<TensorParting> Tensors)
{
    public bool Agrees => Steps is null && Tensors.Count == 0;
}

/// <summary>Holds two checkpoints of the same step against each other, bit by bit.</summary>
public static class CheckpointComparison
{
    public static CheckpointParting Of(string left, string right)
    {
        var (first, second) = (CheckpointFolder.ReadManifest(left), CheckpointFolder.ReadManifest(right));
        var steps = first.Trail is { } a && second.Trail is { } b ? StepTrail.Parting(a, b) : null;
        return new CheckpointParting(steps, [.. new[] { CheckpointFolder.ModelFile, CheckpointFolder.OptimizerFile }.SelectMany(file => Compare(left, right, file))]);
    }

    private static List<TensorParting> Compare(string left, string right, string file)
    {
        using var first = SafetensorsFile.Open(Path.Combine(left, file));
        using var second = SafetensorsFile.Open(Path.Combine(right, file));
        var partings = new List<TensorParting>();
        foreach (var name in first.Tensors.Keys.Union(second.Tensors.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (!first.Tensors.TryGetValue(name, out var mine) || !second.Tensors.TryGetValue(name, out var other) || mine.DType != other.DType || !mine.Shape.SequenceEqual(other.Shape))
            {
                partings.Add(new TensorParting(file, name, -1, double.NaN, double.NaN));
                continue;
            }

            var same = first.Bytes(name).CommonPrefixLength(second.Bytes(name));
            if (same < mine.Length)
            {
                var element = same / mine.DType.Size();
                partings.Add(new TensorParting(file, name, element, Read(first.Bytes(name), mine.DType, element), Read(second.Bytes(name), mine.DType, element)));
            }
        }

        return partings;
    }

    private static double Read(ReadOnlySpan<byte> bytes, DType type, int element) =>
        type == DTypes.Of<float>() ? MemoryMarshal.Cast<byte, float>(bytes)[element]
        : type == DTypes.Of<long>() ? MemoryMarshal.Cast<byte, long>(bytes)[element]
        : double.NaN;
}
