using System.Globalization;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What must hold where trials are members of a population that go on from each other's checkpoints.</summary>
internal static class PopulationChecks
{
    public static void Check(SpecNode.Map document, SweepFile file)
    {
        var search = file.Search;
        if (search.Sampler.Name != "pbt")
        {
            return;
        }

        var section = (SpecNode.Map)document["search"]!;
        var sampler = section["sampler"]!;
        Place At(string field) => (sampler as SpecNode.Map)?[field]?.Place ?? sampler.Place.Child(field);
        if (file.IsExternal && search.Sampler.MaxEpochs is null)
        {
            throw At("max_epochs").Error("missing-field", "members are compared up to their last step, which must be known", "say the steps of a whole trial: sampler: { name: pbt, every: 3 epochs, max_epochs: 9 }");
        }

        if (!file.IsExternal && search.Sampler.MaxEpochs is not null)
        {
            throw At("max_epochs").Error("unknown-field", "how long a trial trains is said by training.epochs", "take it away");
        }

        if (search.Parallel < 2)
        {
            throw (section["parallel"]?.Place ?? section.Place.Child("parallel")).Error("out-of-range", "a population of one has nobody to learn from", "parallel is the population: parallel: 8");
        }

        if (file.Extremes.FirstOrDefault(run => run.Training.Epochs != file.MaxEpochs) is { } shorter)
        {
            throw document.Place.Child("training.epochs").Error("out-of-range", $"members train side by side, and some would have {Show(shorter.Training.Epochs)} epochs and others {Show(file.MaxEpochs)}", "give it one value");
        }

        if (search.Sampler.Every is { } every && (every.Unit != EveryUnit.Epoch || every.Count >= file.MaxEpochs))
        {
            throw At("every").Error("out-of-range", $"members are compared at the ends of epochs, and before the last of {Show(file.MaxEpochs)}", "every: 3 epochs");
        }

        if (file.MaxEpochs < 2)
        {
            throw document.Place.Child("training.epochs").Error("out-of-range", "members of one epoch are never compared", "more training.epochs");
        }

        foreach (var (field, why) in ((string, string)[])[("warm_start", "a population begins with members of its own"), ("constraints", "members are compared by the first objective alone")])
        {
            if (section[field] is { } given)
            {
                throw given.Place.Error("unknown-field", why, "another sampler, or take it away");
            }
        }

        if (search.Enqueue.Count > search.Parallel)
        {
            throw section["enqueue"]!.Place.Error("out-of-range", $"{Show(search.Enqueue.Count)} points for a population of {Show(search.Parallel)}", "fewer points, or a greater parallel");
        }

        if (search.Stopper is { Name: "asha" or "hyperband" or "successive-halving" } stopper)
        {
            throw section["stopper"]!.Place.Error("unknown-value", $"members of a population don't rest at the rungs of {stopper.Name}", "no stopper, or one that ends trials: median, patient, threshold");
        }

        CheckExplored(file, sampler.Place, At("explore"));
    }

    private static void CheckExplored(SweepFile file, Place sampler, Place explore)
    {
        var names = file.Parameters.Select(parameter => parameter.Name).ToArray();
        if (file.Search.Sampler.Explore.FirstOrDefault(name => !names.Contains(name, StringComparer.Ordinal)) is { } unknown)
        {
            throw explore.Error("undefined-parameter", $"there is no parameter '{unknown}'", Binding.Suggestion.For(unknown, names));
        }

        if (!names.Except(file.Inherited).Any())
        {
            throw sampler.Error("empty-space", "every parameter is of the model, the data or the order of training, which a copy of a checkpoint can't change",
                "search training.optimizer.learning_rate or the like, or name what a copy may change: explore: [x]");
        }
    }

    private static string Show(int number) => number.ToString(CultureInfo.InvariantCulture);
}
