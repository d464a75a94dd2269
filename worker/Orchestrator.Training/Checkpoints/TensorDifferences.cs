using Orchestrator.Data;
using Orchestrator.Data.Formats;
using Orchestrator.Training.Engine;

namespace Orchestrator.Training.Checkpoints;

/// <summary>Holds a file's tensors against a model's.</summary>
internal static class TensorDifferences
{
    public static IEnumerable<(string Name, DType Type, IReadOnlyList<long> Shape)> Expected<T>(string prefix, IEnumerable<FlatSlot> slots)
        where T : unmanaged => slots.Select(slot => (prefix + slot.Name, DTypes.Of<T>(), (IReadOnlyList<long>)slot.Shape));

    /// <summary>In the file's or the model's order of names: what is missing, what is too much, and what has another shape or type.</summary>
    public static IReadOnlyList<string> Of(SafetensorsFile file, IReadOnlyList<(string Name, DType Type, IReadOnlyList<long> Shape)> expected)
    {
        var wanted = expected.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var differences = new List<string>();
        foreach (var name in wanted.Keys.Union(file.Tensors.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var has = file.Tensors.TryGetValue(name, out var tensor);
            if (!wanted.TryGetValue(name, out var model))
            {
                differences.Add($"{name} {Text(tensor!.Shape)} is not the model's");
            }
            else if (!has)
            {
                differences.Add($"{name} {Text(model.Shape)} is not in it");
            }
            else if (!tensor!.Shape.SequenceEqual(model.Shape))
            {
                differences.Add($"{name} is {Text(tensor.Shape)} in it and {Text(model.Shape)} in the model");
            }
            else if (tensor.DType != model.Type)
            {
                differences.Add($"{name} is {tensor.DType} in it and {model.Type} in the model");
            }
        }

        return differences;
    }

    private static string Text(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
