using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What must hold between a sweep file's parts.</summary>
internal static class SweepChecks
{
    public static void Check(SpecNode.Map document, SpecNode.Map run, SearchSpec search, IReadOnlyList<ParameterSpec> parameters)
    {
        var place = document["parameters"]!.Place;
        CheckReferences(run, parameters);
        CheckConditions(place, parameters);
        if (!ExternalFile.Is(run))
        {
            CheckUse(place, run, parameters);
        }

        SamplerChecks.Check(document, search, parameters);
        if (search.Trials == 0 && search.Sampler.Name is not ("grid" or "pbt"))
        {
            throw document["search"]!.Place.Child("trials").Error("missing-field", $"{search.Sampler.Name} does not end by itself", "say how many: trials: 20");
        }

        if (search.Sampler.Name == "grid" && parameters.FirstOrDefault(EndlessInGrid) is { } endless)
        {
            throw Place(place, endless).Error("endless-grid", "a grid can't count this range", "add points: 5, use quantized or choice, or another sampler");
        }
    }

    private static void CheckReferences(SpecNode.Map run, IReadOnlyList<ParameterSpec> parameters)
    {
        foreach (var reference in References.In(run))
        {
            if (!parameters.Any(parameter => parameter.Name == reference.Reference))
            {
                throw reference.Place.Error(
                    "undefined-parameter", $"${reference.Reference} is not among the parameters", Suggestion.For(reference.Reference!, [.. parameters.Select(parameter => parameter.Name)]));
            }
        }
    }

    private static void CheckUse(Place place, SpecNode.Map run, IReadOnlyList<ParameterSpec> parameters)
    {
        var used = References.In(run).Select(reference => reference.Reference).Concat(parameters.SelectMany(parameter => parameter.When.Keys)).ToHashSet(StringComparer.Ordinal);
        if (parameters.FirstOrDefault(parameter => !used.Contains(parameter.Name)) is { } unused)
        {
            throw Place(place, unused).Error("unused-parameter", "nothing in the file refers to it", $"write ${unused.Name} where its value belongs, or take it away");
        }
    }

    private static void CheckConditions(Place place, IReadOnlyList<ParameterSpec> parameters)
    {
        var earlier = new Dictionary<string, ParameterSpec>(StringComparer.Ordinal);
        foreach (var parameter in parameters)
        {
            foreach (var (condition, wanted) in parameter.When)
            {
                if (!earlier.TryGetValue(condition, out var parent))
                {
                    throw Place(place, parameter).Child("when").Error(
                        "undefined-parameter", $"{condition} is not a parameter above this one", "declare it before what depends on it");
                }

                if (parent.Kind is ParameterKind.Choice or ParameterKind.Constant && wanted.Values.FirstOrDefault(value => !parent.Choices.Any(choice => JsonNode.DeepEquals(choice, value))) is { } never)
                {
                    throw Place(place, parameter).Child("when").Error("out-of-range", $"{condition} is never {never.ToJsonString()}", $"its choices: {string.Join(", ", parent.Choices.Select(choice => choice?.ToJsonString() ?? "null"))}");
                }
            }

            earlier.Add(parameter.Name, parameter);
        }
    }

    private static bool EndlessInGrid(ParameterSpec parameter) => parameter is { Kind: ParameterKind.Uniform or ParameterKind.LogUniform, Points: null };

    private static Place Place(Place parameters, ParameterSpec parameter) => parameters.Child(parameter.Name) with { Line = parameter.Line };
}
