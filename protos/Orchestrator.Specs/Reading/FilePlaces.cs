namespace Orchestrator.Specs.Reading;

/// <summary>Where a field stands in a file: for what shows only after the file was read, such as a shape that does not fit its dataset.</summary>
public static class FilePlaces
{
    /// <summary>The field's place, or where the field is left to its default, that of the section it would stand in.</summary>
    /// <param name="yaml">The file's text; one that has been read without a mistake.</param>
    /// <param name="fileName">What messages call it.</param>
    /// <param name="set">Overrides, path=value.</param>
    /// <param name="field">Its path: model.channels.</param>
    public static Place Find(string yaml, string fileName, IReadOnlyList<string> set, string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        SpecNode node = Overrides.Apply(YamlReader.Read(yaml, fileName), set);
        foreach (var name in field.Split('.'))
        {
            if ((node as SpecNode.Map)?[name] is not { } next)
            {
                break;
            }

            node = next;
        }

        return node.Place with { Field = field };
    }
}
