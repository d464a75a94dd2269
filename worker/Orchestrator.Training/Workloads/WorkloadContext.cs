using Orchestrator.Data;
using Orchestrator.Specs;
using Orchestrator.Specs.Binding;
using Orchestrator.Specs.Reading;

namespace Orchestrator.Training;

/// <summary>What a workload is created from. Random numbers drawn from torch while it is created come from the run's seed: equal on every rank.</summary>
public sealed class WorkloadContext(RunSpec spec, DatasetManifest dataset)
{
    public RunSpec Spec { get; } = spec;

    /// <summary>The dataset's features, classes, means and standard deviations.</summary>
    public DatasetManifest Dataset { get; } = dataset;

    /// <summary>The file's <c>model</c> section as the workload's own record, whose properties say their ranges with <see cref="FieldAttribute"/>.</summary>
    /// <exception cref="SpecException">An unknown field, a wrong type, a value out of range: with the field's name and the mend.</exception>
    public T Bind<T>()
        where T : class => Binder.Bind<T>(YamlReader.ReadValue(Spec.Model.ToJsonString(), new Place("", 0, 0, "model")));

    /// <summary>A mistake in the file, for the person who wrote it.</summary>
    /// <param name="field">Its path: <c>model.hidden</c>.</param>
    public static SpecException Mistake(string code, string field, string message, string mend = "") => new(new SpecError(code, message, mend, Field: field));
}
