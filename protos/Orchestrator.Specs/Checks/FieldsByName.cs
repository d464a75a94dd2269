using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>Sections whose fields depend on a name among them.</summary>
internal static class FieldsByName
{
    /// <param name="owners">field -> the names that have it; all where it is not listed.</param>
    /// <exception cref="SpecException">A field is given that the name does not have.</exception>
    public static void Check(SpecNode node, string name, IReadOnlyDictionary<string, string[]> owners)
    {
        foreach (var (field, value) in node is SpecNode.Map map ? map.Fields : [])
        {
            if (owners.TryGetValue(field, out var names) && !names.Contains(name, StringComparer.Ordinal))
            {
                throw value.Place.Error("unknown-field", $"{name} has no {field}", $"it belongs to {string.Join(", ", names)}");
            }
        }
    }
}
