using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What must hold of a sweep's sampler, and of what is believed of its parameters.</summary>
internal static class SamplerChecks
{
    /// <summary>field -> the samplers that take it; all where it is not named.</summary>
    private static readonly Dictionary<string, string[]> Fields = new(StringComparer.Ordinal)
    {
        ["startup"] = ["tpe", "gp"],
        ["prior_weight"] = ["tpe"],
        ["candidates"] = ["tpe"],
        ["better"] = ["tpe"],
        ["population"] = ["cma-es", "nsga2"],
        ["every"] = ["pbt"],
        ["max_epochs"] = ["pbt"],
        ["truncation"] = ["pbt"],
        ["perturb"] = ["pbt"],
        ["resample"] = ["pbt"],
        ["explore"] = ["pbt"],
    };

    public static void Check(SpecNode.Map document, SearchSpec search, IReadOnlyList<ParameterSpec> parameters)
    {
        var sampler = search.Sampler;
        if ((document["search"] as SpecNode.Map)?["sampler"] is { } given)
        {
            FieldsByName.Check(given, sampler.Name, Fields);
        }

        if (sampler.Name != "tpe" && parameters.FirstOrDefault(parameter => parameter.Prior is not null) is { } believed)
        {
            throw (document["parameters"]!.Place.Child(believed.Name) with { Line = believed.Line }).Child("prior")
                .Error("unknown-field", $"{sampler.Name} does not look at priors", "sampler: tpe, or take it away");
        }
    }
}
