using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs;

/// <summary>A run file, read and checked.</summary>
public static class RunFile
{
    /// <param name="yaml">The file's text.</param>
    /// <param name="fileName">What messages call it.</param>
    /// <param name="set">Overrides, path=value.</param>
    /// <exception cref="SpecException">The first mistake, with its place and the mend.</exception>
    public static RunSpec Parse(string yaml, string fileName, IReadOnlyList<string> set)
    {
        var document = Overrides.Apply(YamlReader.Read(yaml, fileName), set);
        foreach (var section in (string[])["search", "parameters"])
        {
            if (document[section] is { } found)
            {
                throw found.Place.Error("unknown-field", "a run file has no such section", "this is a sweep: orch sweep submit");
            }
        }

        if (References.In(document).FirstOrDefault() is { } reference)
        {
            throw reference.Place.Error("undefined-parameter", $"${reference.Reference} is not defined", "a run file has values only; quote it to mean the text");
        }

        return Bind(document);
    }

    internal static RunSpec Bind(SpecNode.Map document)
    {
        var spec = Binder.Bind<RunSpec>(document);
        RunChecks.Check(spec, document);
        return spec;
    }
}
