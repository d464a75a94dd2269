using System.Globalization;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What must hold of a sweep's stopper, its objectives and the points that it begins with.</summary>
internal static class StopperChecks
{
    /// <summary>field -> the stoppers that take it; all where it is not named.</summary>
    private static readonly Dictionary<string, string[]> Fields = new(StringComparer.Ordinal)
    {
        ["max_epochs"] = ["asha", "successive-halving", "hyperband"],
        ["reduction"] = ["asha", "successive-halving", "hyperband"],
        ["percentile"] = ["percentile"],
        ["startup"] = ["median", "percentile"],
        ["of"] = ["patient"],
        ["patience"] = ["patient"],
        ["min_delta"] = ["patient"],
        ["lower"] = ["threshold"],
        ["upper"] = ["threshold"],
    };

    public static void Check(SpecNode.Map document, SweepFile file)
    {
        var (search, place) = (file.Search, document["search"]!);
        CheckBeginning((SpecNode.Map)place, search);
        if (search.Objectives.Count == 0)
        {
            throw place.Place.Child("objective").Error("missing-field", "this field is needed", "objective: { metric: val_accuracy, goal: maximize }");
        }

        if (search.Constraints.FirstOrDefault(constraint => constraint.Min is null && constraint.Max is null || constraint.Min > constraint.Max) is { } empty)
        {
            throw place.Place.Child("constraints").Error("out-of-range", $"the constraint on {empty.Metric} bounds nothing", $"write: {{ metric: {empty.Metric}, max: 0.5 }}");
        }

        if (search.Stopper is { } stopper)
        {
            CheckStopper(((SpecNode.Map)place)["stopper"]!, stopper, file.MaxEpochs);
        }

        if ((search.Stopper?.Name ?? (search.Sampler.Name == "pbt" ? "pbt" : null)) is { } judge && file.Extremes.Any(run => !run.Training.Evaluate.HasEpoch(1)))
        {
            var evaluate = (document["training"] as SpecNode.Map)?["evaluate"]?.Place ?? document.Place.Child("training.evaluate");
            throw evaluate.Error("out-of-range", $"{judge} judges trials by every epoch, and not every epoch is measured", "take it away, or count in steps: 500 steps");
        }
    }

    private static void CheckBeginning(SpecNode.Map search, SearchSpec spec)
    {
        foreach (var field in (string[])["enqueue", "warm_start"])
        {
            if (spec.Sampler.Name == "grid" && search[field] is { } given)
            {
                throw given.Place.Error("unknown-field", "a grid tries every point, whatever was tried before", "another sampler, or take it away");
            }
        }

        if (spec.Trials > 0 && spec.Enqueue.Count > spec.Trials)
        {
            throw search["enqueue"]!.Place.Error("out-of-range", $"{spec.Enqueue.Count} points for {spec.Trials} trials", "more trials, or fewer points");
        }
    }

    /// <param name="epochs">The most that a trial trains; 0 where that is not known.</param>
    private static void CheckStopper(SpecNode node, StopperSpec stopper, int epochs)
    {
        FieldsByName.Check(node, stopper.Name, Fields);
        if (stopper.Of is { } wrapped)
        {
            var inner = ((SpecNode.Map)node)["of"]!;
            FieldsByName.Check(inner, wrapped.Name, Fields);
            CheckBounds(inner.Place, wrapped.Name, wrapped.Lower, wrapped.Upper);
        }

        Place At(string field) => (node as SpecNode.Map)?[field]?.Place ?? node.Place.Child(field);
        if (stopper.MaxEpochs is { } told && epochs > 0 && told > epochs)
        {
            throw At("max_epochs").Error("out-of-range", $"no trial trains for {Show(told)} epochs: training.epochs is {Show(epochs)}", $"at most {Show(epochs)}, or leave it out");
        }

        var most = stopper.MaxEpochs ?? epochs;
        if (stopper.Name == "hyperband" && most == 0)
        {
            throw At("max_epochs").Error("missing-field", "hyperband divides a number of epochs that must be known", "say the steps of a whole trial: max_epochs: 27");
        }

        if (Fields["reduction"].Contains(stopper.Name, StringComparer.Ordinal) && most > 0 && stopper.MinEpochs >= most)
        {
            throw At("min_epochs").Error("out-of-range", $"a trial has {Show(most)} epochs, so none is left after the lowest rung at {Show(stopper.MinEpochs)}", most == 1 ? "more training.epochs, or no stopper" : $"below {Show(most)}");
        }

        CheckBounds(node.Place, stopper.Name, stopper.Lower, stopper.Upper);
    }

    private static void CheckBounds(Place place, string name, double? lower, double? upper)
    {
        if (name == "threshold" && ((lower is null && upper is null) || lower > upper))
        {
            throw place.Error("missing-field", "threshold needs a bound", "{ name: threshold, upper: 5 }, or lower");
        }
    }

    private static string Show(int number) => number.ToString(CultureInfo.InvariantCulture);
}
