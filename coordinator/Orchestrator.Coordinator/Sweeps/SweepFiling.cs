using System.Text.Json.Nodes;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;
using Orchestrator.Specs;

namespace Orchestrator.Coordinator.Sweeps;

/// <summary>What a sweep file's search and parameters mean to the controller.</summary>
internal static class SweepFiling
{
    private const int MostTrials = 1_000_000;

    /// <exception cref="SpecException">The space can't be searched that way; names the parameter and its line.</exception>
    /// <param name="earlier">The sweeps that <c>search.warm_start</c> names.</param>
    public static SweepSettings SettingsOf(SweepFile file, string fileName, IReadOnlyList<SweepState> earlier)
    {
        try
        {
            var space = new SearchSpace([.. file.Parameters.Select(ParameterOf)], file.Constraints);
            SpaceRoom.Check(space);
            var sampler = SamplerCatalog.Find(file.Search.Sampler.Name, OptionsOf(file.Search.Sampler)) ?? throw Wrong(fileName, "unknown-sampler", "search.sampler",
                $"there is no sampler '{file.Search.Sampler.Name}'", $"use one of {string.Join(", ", SamplerCatalog.Names)}");
            var population = PopulationOf(file);
            var settings = new SweepSettings(
                space, sampler.Name, file.Seed, TrialsOf(file.Search, sampler.Size(space) ?? (file.Search.Trials == 0 ? population?.TrialsOf(file.Search.Parallel) : null), fileName), file.Search.Parallel,
                ObjectiveOf(file.Search.Objective), file.Search.Keep, file.Search.MaxFailures,
                file.Search.Order == "arrival" ? TrialOrder.Arrival : TrialOrder.Logical)
            {
                SamplerOptions = OptionsOf(file.Search.Sampler),
                Population = population,
                Stopper = file.Search.Stopper is { } stopper ? StopperOf(stopper, file.MaxEpochs) : null,
                Others = [.. file.Search.Objectives.Skip(1).Select(ObjectiveOf)],
                Constraints = [.. file.Search.Constraints.Select(constraint => new MetricConstraint(constraint.Metric, constraint.Min, constraint.Max))],
                Stop = new StopRule(file.Search.Stop.Target, file.Search.Stop.Patience, file.Search.Stop.Time?.TotalSeconds),
                Enqueued = [.. file.Search.Enqueue.Select((point, index) => PointOf(space, point, index, fileName))],
                Lease = file.IsExternal ? file.Search.Lease : null,
            };
            return settings with { Earlier = [.. earlier.SelectMany(sweep => WarmStart.Of(settings, sweep, fileName)).Select((trial, number) => trial with { Number = number })] };
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
            throw Wrong(fileName, "missing-field", "search.trials", $"the sampler '{search.Sampler.Name}' never ends by itself", "say how many trials: trials: 20");
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
        objective.At == "best" ? ReportChoice.Best : objective.Last == 1 ? ReportChoice.Last : ReportChoice.LastMean,
        objective.Last);

    private static StopperSettings StopperOf(StopperSpec stopper, int maxEpochs) => new(
        stopper.Name, stopper.MinEpochs, stopper.MaxEpochs ?? maxEpochs, stopper.Reduction, stopper.Percentile, stopper.Startup, stopper.Patience, stopper.MinDelta,
        stopper.Lower, stopper.Upper)
    {
        Of = stopper.Of is { } wrapped
            ? new StopperSettings(wrapped.Name, wrapped.MinEpochs, Percentile: wrapped.Percentile, Startup: wrapped.Startup, Lower: wrapped.Lower, Upper: wrapped.Upper)
            : null,
    };

    private static PopulationSettings? PopulationOf(SweepFile file) => file.Search.Sampler is { Name: "pbt" } pbt
        ? new PopulationSettings(pbt.Every?.Count ?? Math.Max(1, file.MaxEpochs / 10), file.MaxEpochs, pbt.Truncation, pbt.Perturb, pbt.Resample, file.Inherited)
        : null;

    internal static SamplerOptions OptionsOf(SamplerSpec sampler) => new()
    {
        Startup = sampler.Startup,
        PriorWeight = sampler.PriorWeight,
        Candidates = sampler.Candidates,
        Better = sampler.Better,
        Population = sampler.Population ?? 0,
    };

    private static ParameterAssignment PointOf(SearchSpace space, JsonObject point, int index, string fileName)
    {
        var field = $"search.enqueue[{index}]";
        if (point.FirstOrDefault(value => !space.Parameters.Any(parameter => parameter.Name == value.Key)).Key is { } unknown)
        {
            throw Wrong(fileName, "undefined-parameter", $"{field}.{unknown}", $"there is no parameter '{unknown}'", $"the parameters: {string.Join(", ", space.Parameters.Select(parameter => parameter.Name))}");
        }

        var values = new ParameterAssignment(space.Parameters.Where(parameter => point.ContainsKey(parameter.Name))
            .Select(parameter => KeyValuePair.Create(parameter.Name, ParameterValue.Of(point[parameter.Name]))));
        foreach (var parameter in space.InOrderOfDependency)
        {
            var (applies, given) = (SearchSpace.Applies(parameter, values), values.TryGetValue(parameter.Name, out var value));
            if (applies && !given)
            {
                throw Wrong(fileName, "missing-field", $"{field}.{parameter.Name}", "the point has no value for it", "every parameter that applies needs one");
            }

            if (given && !applies)
            {
                throw Wrong(fileName, "out-of-range", $"{field}.{parameter.Name}", "the parameter does not apply beside the others' values", "take it away");
            }

            if (given && !parameter.Domain.Contains(value!))
            {
                throw Wrong(fileName, "out-of-range", $"{field}.{parameter.Name}", $"{value} is not among its values", "a value that the parameter may take");
            }
        }

        return space.Keeps(values) ? values : throw Wrong(fileName, "out-of-range", field, "the point misses one of the constraints", "a point that keeps to all of them");
    }

    private static Parameter ParameterOf(ParameterSpec parameter) => new(
        parameter.Name,
        DomainOf(parameter),
        [.. parameter.When.Select(condition => new Condition(
            condition.Key, [.. condition.Value.Values.Select(ParameterValue.Of)], condition.Value.Min, condition.Value.Max))])
    {
        Prior = parameter.Prior is { } prior
            ? new ParameterPrior(prior.At is { } at ? ParameterValue.Of(at) : null, prior.Spread ?? ParameterPrior.UsualSpread, prior.Weights)
            : null,
    };

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
