using System.Reflection;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Xunit;

namespace Orchestrator.Architecture.Tests;

/// <summary>The pure projects have no I/O, no clock, no randomness of their own and no threads.</summary>
public sealed class Purity
{
    private static readonly string[] Forbidden =
    [
        "System.IO.File", "System.IO.Directory", "System.IO.FileStream", "System.Net.", "System.Threading.Thread", "System.Threading.Tasks.Task",
        "System.Random", "System.Guid::NewGuid", "System.DateTime::get_Now", "System.DateTime::get_UtcNow", "System.DateTimeOffset::get_UtcNow",
        "System.DateTimeOffset::get_Now", "System.Diagnostics.Stopwatch", "System.Environment", "System.Console", "Microsoft.Extensions.Logging",
    ];

    [Theory]
    [InlineData("Orchestrator.Search")]
    [InlineData("Orchestrator.Control")]
    [InlineData("Orchestrator.Specs")]
    public void A_pure_project_touches_nothing_outside_its_arguments(string project)
    {
        var architecture = new ArchLoader().LoadAssembly(System.Reflection.Assembly.Load(new AssemblyName(project))).Build();
        var offences =
            from type in architecture.Types
            from dependency in type.Dependencies
            let target = Name(dependency)
            where Forbidden.Any(forbidden => target.StartsWith(forbidden, StringComparison.Ordinal))
            select $"{type.FullName} uses {target}";
        Assert.Empty(offences.Distinct());
    }

    private static string Name(ArchUnitNET.Domain.Dependencies.ITypeDependency dependency) =>
        dependency is ArchUnitNET.Domain.Dependencies.MethodCallDependency call
            ? $"{dependency.Target.FullName}::{call.TargetMember.Name.Split('(')[0]}"
            : dependency.Target.FullName;
}
