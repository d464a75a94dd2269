using Orchestrator.Data.Formats;
using Orchestrator.Specs;
using Orchestrator.Specs.Binding;
using Orchestrator.Training;

namespace Orchestrator.Workloads;

/// <summary>The built-in families, and the ones in users' assemblies.</summary>
public sealed class WorkloadCatalog : IWorkloadCatalog
{
    private static readonly Dictionary<string, WorkloadFamily> Families = new WorkloadFamily[]
    {
        new("image-classifier", context => new ImageClassifier(context)),
    }.ToDictionary(family => family.Name, StringComparer.Ordinal);

    public WorkloadFamily Find(string name) => Families.TryGetValue(name, out var family)
        ? family
        : throw Mistake("unknown-workload", "workload", $"there is no workload '{name}'", Suggestion.For(name, Families.Keys));

    public WorkloadFamily LoadPackage(PackageSpec package, string name = "")
    {
        ArgumentNullException.ThrowIfNull(package);
        if (!File.Exists(package.Path))
        {
            throw Mistake("missing-file", "package", $"there is no file {package.Path}", "build the workload's project first");
        }

        if (package.Sha256.Length > 0 && SafetensorsFile.Sha256(package.Path) != package.Sha256)
        {
            throw Mistake("changed-file", "package", $"{package.Path} is not the assembly that was submitted", "submit the file again");
        }

        var types = WorkloadTypes(package.Path);
        var wanted = name.Length == 0 ? types : [.. types.Where(type => type.Name == name)];
        return wanted switch
        {
            [var only] => new WorkloadFamily(only.Name, context => Create(only, context)),
            [] when types.Length == 0 => throw Mistake("no-workload", "package", $"{package.Path} has no public class that derives Workload", $"derive {typeof(Workload).FullName} with a constructor that takes a WorkloadContext"),
            [] => throw Mistake("unknown-workload", "workload", $"{package.Path} has no workload '{name}'", Suggestion.For(name, [.. types.Select(type => type.Name)])),
            _ => throw Mistake("ambiguous-workload", "workload", $"{package.Path} has several workloads", $"workload: one of {string.Join(", ", types.Select(type => type.Name))}"),
        };
    }

    private static Type[] WorkloadTypes(string path)
    {
        try
        {
            return
            [
                .. PackageLoadContext.Load(path).GetExportedTypes()
                    .Where(type => !type.IsAbstract && type.IsSubclassOf(typeof(Workload)) && type.GetConstructor([typeof(WorkloadContext)]) is not null)
                    .OrderBy(type => type.Name, StringComparer.Ordinal),
            ];
        }
        catch (Exception error) when (error is BadImageFormatException or FileLoadException or FileNotFoundException or TypeLoadException)
        {
            throw Mistake("bad-assembly", "package", $"{path} can't be loaded: {error.Message.ReplaceLineEndings(" ")}", "build it for this .NET and against this version of Orchestrator.Training");
        }
    }

    private static Workload Create(Type type, WorkloadContext context)
    {
        try
        {
            return (Workload)Activator.CreateInstance(type, context)!;
        }
        catch (System.Reflection.TargetInvocationException error) when (error.InnerException is { } inner)
        {
            // The user's own exception, with the user's own stack.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
            throw;
        }
    }

    private static SpecException Mistake(string code, string field, string message, string mend) => WorkloadContext.Mistake(code, field, message, mend);
}
