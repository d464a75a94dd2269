using System.Text.Json.Nodes;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Checks;
using Orchestrator.Specs.Models;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs;

/// <summary>A sweep file, read and checked: a run file with references, the parameters that they refer to, and how to search.</summary>
public sealed class SweepFile
{
    private readonly SpecNode.Map template;

    private SweepFile(SpecNode.Map template, SearchSpec search, IReadOnlyList<ParameterSpec> parameters, IReadOnlyList<string> constraints)
    {
        this.template = template;
        Search = search;
        Parameters = parameters;
        Constraints = constraints;
        if (ExternalFile.Is(template))
        {
            var file = ExternalFile.Bind(template);
            (IsExternal, Name, Seed, Labels, Dataset, Extremes) = (true, file.Name, file.Seed, file.Labels, new DatasetSpec(), []);
            return;
        }

        var first = Bind(FirstValues());
        (Name, Seed, Labels, Dataset, Package) = (first.Name, first.Seed, first.Labels, first.Dataset, first.Package);
        Extremes = [.. BindExtremes()];
    }

    public string Name { get; }

    public long Seed { get; }

    public IReadOnlyDictionary<string, string> Labels { get; }

    public DatasetSpec Dataset { get; }

    public PackageSpec? Package { get; }

    public SearchSpec Search { get; }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>What must hold between them, as written; the search space reads it.</summary>
    public IReadOnlyList<string> Constraints { get; }

    /// <summary>
    /// The runs with every parameter at its ends and in each of its choices, the others at their first: what can't be trained is told when
    /// the file is read.
    /// </summary>
    public IReadOnlyList<RunSpec> Extremes { get; }

    /// <summary>Each trial is a program of any kind.</summary>
    public bool IsCommand => Extremes.Count > 0 && Extremes[0].IsCommand;

    /// <summary>Whoever asks runs the trials: there is no dataset, and nothing to train.</summary>
    public bool IsExternal { get; }

    /// <summary>The most that any trial trains; 0 where that is not known.</summary>
    public int MaxEpochs => Extremes.Count == 0 ? Search.Sampler.MaxEpochs ?? 0 : Extremes.Max(run => run.Training.Epochs);

    /// <summary>Parameters that a run which goes on from another trial's checkpoint takes as they are there. What a program of somebody's own can change on the way, only they know.</summary>
    public IReadOnlyList<string> Inherited => Search.Sampler.Explore.Count > 0
        ? [.. Parameters.Select(parameter => parameter.Name).Except(Search.Sampler.Explore)]
        : IsExternal || IsCommand ? []
        : [.. References.In(template).Where(reference => !MayChangeOnTheWay(reference.Place.Field)).Select(reference => reference.Reference!).Distinct()];

    /// <param name="yaml">The file's text.</param>
    /// <param name="fileName">What messages call it.</param>
    /// <param name="set">Overrides, path=value.</param>
    /// <exception cref="SpecException">The first mistake, with its place and the mend.</exception>
    public static SweepFile Parse(string yaml, string fileName, IReadOnlyList<string> set)
    {
        var document = Overrides.Apply(YamlReader.Read(yaml, fileName), set);
        var search = Binder.Bind<SearchSpec>(document["search"] ?? throw document.Place.Child("search").Error(
            "missing-field", "a sweep file says how to search", "search: { sampler: random, trials: 20, objective: { metric: val_accuracy, goal: maximize } }; for one run: orch run submit"));
        var parameters = ParameterReader.Read(document["parameters"] ?? throw document.Place.Child("parameters").Error(
            "empty-space", "a sweep file names the parameters that it searches", "parameters: { lr: { loguniform: [1e-4, 1e-1] } }"));
        var constraints = ParameterReader.Constraints(document["constraints"]);
        var run = document.Without("search").Without("parameters").Without("constraints");
        SweepChecks.Check(document, run, search, parameters);

        var file = new SweepFile(run, search, parameters, constraints);
        file.CheckMetrics(document);
        StopperChecks.Check(document, file);
        PopulationChecks.Check(document, file);
        return file;
    }

    /// <summary>The run of a trial with these values; a field whose parameter has none is left out.</summary>
    /// <exception cref="SpecException">The values don't make a run: only with values that the parameters don't allow.</exception>
    public RunSpec Resolve(IReadOnlyDictionary<string, JsonNode?> values) => Bind(values);

    /// <summary>Whether a checkpoint fits a file with another value there, and goes on in the same epoch, batch and order.</summary>
    private static bool MayChangeOnTheWay(string field) =>
        field == "model.dropout"
        || (field.Split('.', '[') is ["training", "optimizer" or "schedule" or "clip" or "label_smoothing" or "ema" or "augment", ..]
            && field is not ("training.optimizer" or "training.optimizer.name"));

    private RunSpec Bind(IReadOnlyDictionary<string, JsonNode?> values)
    {
        var spec = RunFile.Bind((SpecNode.Map)References.Resolve(template, values)!);
        var checkpoint = spec.Training.Checkpoint;
        return spec with
        {
            Training = spec.Training with { Checkpoint = checkpoint with { Metric = Search.Objective.Metric, Goal = Search.Objective.Goal } },
        };
    }

    /// <summary>A value of every parameter that applies when each takes its first one.</summary>
    private Dictionary<string, JsonNode?> FirstValues() => Applicable(Parameters.ToDictionary(parameter => parameter.Name, parameter => ExtremesOf(parameter).First()));

    private IEnumerable<RunSpec> BindExtremes()
    {
        foreach (var parameter in Parameters)
        {
            foreach (var value in ExtremesOf(parameter))
            {
                var all = Parameters.ToDictionary(other => other.Name, other => ExtremesOf(other).First());
                all[parameter.Name] = value;
                Meet(parameter, all);
                yield return Bind(Applicable(all));
            }
        }
    }

    /// <summary>Gives the parents, theirs too, values with which the parameter applies.</summary>
    private void Meet(ParameterSpec parameter, Dictionary<string, JsonNode?> all)
    {
        foreach (var (name, condition) in parameter.When)
        {
            var parent = Parameters.First(other => other.Name == name);
            all[name] = condition.IsRange ? InRange(parent, condition) : condition.Values[0];
            Meet(parent, all);
        }
    }

    /// <summary>The parent's first value in the range; its lowest where it has none there, which the search space refuses.</summary>
    private static JsonNode? InRange(ParameterSpec parent, ConditionSpec condition)
    {
        if (parent.Kind is ParameterKind.Choice or ParameterKind.Constant)
        {
            return parent.Choices.FirstOrDefault(condition.Holds) ?? parent.Choices[0];
        }

        var step = parent.Kind == ParameterKind.Integer ? parent.Step ?? 1 : parent.Step ?? 0;
        var value = Math.Clamp(condition.Min ?? parent.Low, parent.Low, parent.High);
        value = step > 0 ? Math.Min(parent.Low + (Math.Ceiling((value - parent.Low) / step) * step), parent.High) : value;
        return parent.Kind == ParameterKind.Integer ? JsonValue.Create((long)value) : JsonValue.Create(value);
    }

    private Dictionary<string, JsonNode?> Applicable(Dictionary<string, JsonNode?> values)
    {
        bool Applies(ParameterSpec parameter) => parameter.When.All(condition =>
            Applies(Parameters.First(other => other.Name == condition.Key)) && condition.Value.Holds(values[condition.Key]));

        return Parameters.Where(Applies).ToDictionary(parameter => parameter.Name, parameter => values[parameter.Name]);
    }

    private static IEnumerable<JsonNode?> ExtremesOf(ParameterSpec parameter) => parameter.Kind switch
    {
        ParameterKind.Choice or ParameterKind.Constant => parameter.Choices,
        ParameterKind.Integer => [JsonValue.Create((long)parameter.Low), JsonValue.Create((long)parameter.High)],
        _ => [JsonValue.Create(parameter.Low), JsonValue.Create(parameter.High)],
    };

    private void CheckMetrics(SpecNode.Map document)
    {
        if (template["workload"] is not SpecNode.Scalar workload || !ModelCatalog.Families.TryGetValue(workload.Text, out var family))
        {
            return;
        }

        foreach (var section in (string[])["objective", "constraints"])
        {
            var given = (document["search"] as SpecNode.Map)?[section];
            foreach (var item in given is SpecNode.List list ? list.Items : given is null ? [] : [given])
            {
                if ((item as SpecNode.Map)?["metric"] is SpecNode.Scalar metric && !family.Metrics.Contains(metric.Text, StringComparer.Ordinal))
                {
                    throw metric.Place.Error("unknown-metric", $"{workload.Text} reports no metric '{metric.Text}'", Suggestion.For(metric.Text, [.. family.Metrics]));
                }
            }
        }
    }
}
