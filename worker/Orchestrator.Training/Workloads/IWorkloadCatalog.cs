using Orchestrator.Specs;

namespace Orchestrator.Training;

/// <summary>Finds the workload that a spec names: a built-in family or a user's assembly.</summary>
public interface IWorkloadCatalog
{
    /// <summary>A built-in family.</summary>
    /// <exception cref="SpecException">No such family; the message says the nearest one.</exception>
    WorkloadFamily Find(string name);

    /// <summary>Loads a user's assembly, in a load context of its own, and returns the workload in it.</summary>
    /// <param name="package">Its path, and the hash that was pinned at submit; an empty hash is not checked.</param>
    /// <param name="name">Which one, where the assembly has several; empty where it has one.</param>
    /// <exception cref="SpecException">No assembly, another hash, none or several workloads in it.</exception>
    WorkloadFamily LoadPackage(PackageSpec package, string name = "");

    /// <summary>The workload that the spec names.</summary>
    WorkloadFamily For(RunSpec spec) => spec.Package is { } package ? LoadPackage(package, spec.Workload) : Find(spec.Workload);
}

/// <summary>A workload that can be created: its name in files, and how.</summary>
public sealed record WorkloadFamily(string Name, Func<WorkloadContext, Workload> Create);
