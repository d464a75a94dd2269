using System.Reflection;
using System.Runtime.Loader;

namespace Orchestrator.Workloads;

/// <summary>A user's assembly with its own dependencies, beside ours: only what both sides must share comes from the host.</summary>
internal sealed class PackageLoadContext : AssemblyLoadContext
{
    private readonly AssemblyDependencyResolver resolver;

    private PackageLoadContext(string path)
        : base(Path.GetFileNameWithoutExtension(path)) =>
        resolver = new AssemblyDependencyResolver(path);

    public static Assembly Load(string path)
    {
        var full = Path.GetFullPath(path);
        return new PackageLoadContext(full).LoadFromAssemblyPath(full);
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name is "TorchSharp" || assemblyName.Name?.StartsWith("Orchestrator.", StringComparison.Ordinal) == true)
        {
            return null;
        }

        return resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;
    }

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
