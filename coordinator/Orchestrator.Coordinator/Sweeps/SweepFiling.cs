using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a sweep file's search and parameters mean to the controller.</summary>
internal static class SweepFiling
{
    private const int MostTrials = 1_000_000;

    /// <exception cref="SpecException">The space can't be searched that way; names the parameter and its line.</exception>
    public static SweepSettings SettingsOf(SweepFile file, string fileName)
    {
        try
        {
            var space = new SearchSpace([.. file.Parameters.Select(ParameterOf)], file.Constraints);
            SpaceRoom.Check(space);
            var sampler = SamplerCatalog.Find(file.Search.Sampler) ?? throw Wrong(fileName, "unknown-sampler", "search.sampler",
                $"there is no sampler '{file.Search.Sampler}'", $"use one of {string.Join(", ", SamplerCatalog.Names)}");
            return new SweepSettings(
                space, sampler.Name, file.Seed, TrialsOf(file.Search, sampler.Size(space), fileName), file.Search.Parallel,
                ObjectiveOf(file.Search.Objective), file.Search.Keep, file.Search.MaxFailures,
                file.Search.Order == "arrival" ? TrialOrder.Arrival : TrialOrder.Logical);
        }
        catch (SearchSpaceException refusal)
        {
            var line = file.Parameters.FirstOrDefault(parameter => parameter.Name == refusal.Parameter)?.Line ?? 0;
            var field = refusal.Code is "bad-constraint" or "small-space" ? "constraints"
                : refusal.Parameter.Length == 0 ? "parameters" : $"parameters.{refusal.Parameter}";
            throw new SpecException(new SpecError(refusal.Code, refusal.Message, refusal.Mend, fileName, line, line == 0 ? 0 : 1, field));
        }
    }

    private static int TrialsOf(SearchSpec search, long? size, string fileName)
    {
        if (search.Trials == 0 && size is null)
        {
            throw Wrong(fileName, "missing-field", "search.trials", $"the sampler '{search.Sampler}' never ends by itself", "say how many trials: trials: 20");
        }

        if (search.Trials == 0 && size > MostTrials)
        {
            throw Wrong(fileName, "out-of-range", "search.trials", $"the grid has {size} points", $"say trials: N, up to {MostTrials}, or take fewer points");
        }

        return (int)Math.Min(search.Trials == 0 ? MostTrials : search.Trials, size ?? MostTrials);
    }

    private static Objective ObjectiveOf(ObjectiveSpec objective) => new(
        objective.Metric,
        objective.Goal == "maximize" ? Goal.Maximize : Goal.Minimize,
        objective.At == "last" ? ObjectiveAt.Last : ObjectiveAt.Best);

    private static Parameter ParameterOf(ParameterSpec parameter) => new(
        parameter.Name,
        DomainOf(parameter),
        [.. parameter.When.Select(condition => new Condition(
            condition.Key, [.. condition.Value.Values.Select(ParameterValue.Of)], condition.Value.Min, condition.Value.Max))]);

    private static ParameterDomain DomainOf(ParameterSpec parameter) => parameter.Kind switch
    {
        ParameterKind.Uniform => new ParameterDomain.Uniform(parameter.Low, parameter.High, parameter.Points),
        ParameterKind.LogUniform => new ParameterDomain.LogUniform(parameter.Low, parameter.High, parameter.Points),
        ParameterKind.Integer => new ParameterDomain.Integer((long)parameter.Low, (long)parameter.High, (long)(parameter.Step ?? 1), parameter.Log),
        ParameterKind.Quantized => new ParameterDomain.Quantized(parameter.Low, parameter.High, parameter.Step ?? 0),
        ParameterKind.Choice => new ParameterDomain.Choice([.. parameter.Choices.Select(ParameterValue.Of)], parameter.Ordered),
        ParameterKind.Constant => new ParameterDomain.Constant(ParameterValue.Of(parameter.Choices[0])),
        _ => throw new ArgumentOutOfRangeException(nameof(parameter), parameter.Kind, "no kind of parameter"),
    };

    private static SpecException Wrong(string fileName, string code, string field, string message, string mend) =>
        new(new SpecError(code, message, mend, fileName, Field: field));
}
