using System.Xml.Linq;
using Xunit;

namespace Orchestrator.Architecture.Tests;

/// <summary>Arrows between projects point one way, down the table of ARCHITECTURE.md.</summary>
public sealed class Arrows
{
    private static readonly string Root = FindRoot();

    /// <summary>What a project may know beside itself.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new(StringComparer.Ordinal)
    {
        ["Orchestrator.Protos"] = [],
        ["Orchestrator.Specs"] = [],
        ["Orchestrator.Search"] = [],
        ["Orchestrator.Control"] = ["Orchestrator.Search", "Orchestrator.Specs"],
        ["Orchestrator.Coordinator"] = ["Orchestrator.Control", "Orchestrator.Protos", "Orchestrator.Specs", "Orchestrator.Data"],
        ["Orchestrator.Collectives"] = [],
        ["Orchestrator.Data"] = [],
        ["Orchestrator.Training"] = ["Orchestrator.Collectives", "Orchestrator.Data", "Orchestrator.Specs"],
        ["Orchestrator.Workloads"] = ["Orchestrator.Training"],
        ["Orchestrator.Worker"] = ["Orchestrator.Workloads", "Orchestrator.Protos"],
        ["Orchestrator.Cli"] = ["Orchestrator.Protos", "Orchestrator.Specs", "Orchestrator.Data", "Orchestrator.Search", "Orchestrator.Coordinator", "Orchestrator.Worker"],
    };

    public static TheoryData<string> Projects() => new(SourceProjects().Select(project => Path.GetFileNameWithoutExtension(project)));

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_knows_only_what_the_table_says(string project)
    {
        Assert.True(MayKnow.TryGetValue(project, out var allowed), $"{project} is not in the table");
        var file = SourceProjects().Single(path => Path.GetFileNameWithoutExtension(path) == project);
        var known = XDocument.Load(file).Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
        Assert.Empty(known.Except(allowed));
    }

    [Fact]
    public void The_table_names_only_projects_that_exist() =>
        Assert.Empty(MayKnow.Keys.Except(SourceProjects().Select(project => Path.GetFileNameWithoutExtension(project))));

    private static string[] SourceProjects() =>
        [.. from folder in (string[])["protos", "coordinator", "worker", "cli"] from file in Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories) select file];

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Orchestrator.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
