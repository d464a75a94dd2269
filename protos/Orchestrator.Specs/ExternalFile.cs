using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs;

/// <summary>What a sweep file has beside <c>search</c> and <c>parameters</c> where somebody outside runs the trials: <c>workload: external</c>.</summary>
internal sealed record ExternalFile
{
    private const string Workload = "external";

    [Field("What lists call it; letters, digits, '-', '_' and '.'.", Required = true)]
    public string Name { get; init; } = "";

    [Field("external", Name = "workload")]
    public string Kind { get; init; } = Workload;

    [Field("Decides the search.")]
    public long Seed { get; init; }

    [Field("Words of your own that lists can be filtered by.")]
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public static bool Is(SpecNode.Map file) => file["workload"] is SpecNode.Scalar { Text: Workload };

    /// <exception cref="SpecException">A field that has no place there.</exception>
    public static ExternalFile Bind(SpecNode.Map file)
    {
        foreach (var section in (string[])["dataset", "training", "model", "package"])
        {
            if (file[section] is { } found)
            {
                throw found.Place.Error("unknown-field", "whoever asks for external trials has data and training of its own", $"take {section} away, or name a built-in workload");
            }
        }

        var bound = Binder.Bind<ExternalFile>(file);
        RunNames.Check(bound.Name, file);
        return bound;
    }
}
