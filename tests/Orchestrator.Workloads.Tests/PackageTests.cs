using System.Reflection;
using System.Runtime.Loader;
using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.Training;
using Xunit;

namespace Orchestrator.Workloads.Tests;

public sealed class PackageTests(Digits digits) : IClassFixture<Digits>
{
    private static readonly string Package = Path.GetFullPath(
        typeof(PackageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "MyWorkload").Value!);

    [Fact]
    public void A_users_assembly_trains_and_its_metric_over_all_rows_is_reported()
    {
        var notes = new Notes();
        var spec = Digits.Spec("""{ "units": 48 }""", new TrainingSpec
        {
            Epochs = 6,
            Shards = 2,
            Optimizer = new OptimizerSpec { LearningRate = 5e-3 },
            Schedule = new ScheduleSpec { Name = "one-cycle" },
        }) with
        {
            Workload = "",
            Package = new PackageSpec(Package, SafetensorsFile.Sha256(Package)),
        };
        var outcome = digits.Train(spec, notes);
        Assert.True(outcome.Metrics["val_accuracy"] >= 0.9, $"val_accuracy is {outcome.Metrics["val_accuracy"]}");
        Assert.InRange(outcome.Metrics["val_balanced_accuracy"], 0.85, 1);

        using var predictor = Predictor.Load(notes.Checkpoints[^1].Directory, new WorkloadCatalog());
        Assert.Single(predictor.Predict(new float[64]));
    }

    [Fact]
    public void An_assembly_has_a_load_context_of_its_own()
    {
        var family = new WorkloadCatalog().LoadPackage(new PackageSpec(Package));
        Assert.Equal("MaxoutClassifier", family.Name);
        Assert.DoesNotContain(AssemblyLoadContext.Default.Assemblies, assembly => assembly.GetName().Name == "MyWorkload");
    }

    [Fact]
    public void A_package_that_is_missing_changed_empty_or_no_assembly_is_refused()
    {
        var catalog = new WorkloadCatalog();
        Refused("there is no file", new PackageSpec("/nowhere/My.dll"));
        Refused("is not the assembly that was submitted", new PackageSpec(Package, new string('0', 64)));
        Refused("has no public class that derives Workload", new PackageSpec(typeof(Data.Dataset).Assembly.Location));
        Refused("can't be loaded", new PackageSpec(Path.Combine(AppContext.BaseDirectory, "digits.csv.gz")));
        Assert.Contains("did you mean MaxoutClassifier?", Assert.Throws<SpecException>(() => catalog.LoadPackage(new PackageSpec(Package), "MaxoutClasifier")).Message, StringComparison.Ordinal);

        void Refused(string problem, PackageSpec package) =>
            Assert.Contains(problem, Assert.Throws<SpecException>(() => catalog.LoadPackage(package)).Message, StringComparison.Ordinal);
    }
}
