namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>The built product, in this checkout and of this test's configuration.</summary>
internal static class Product
{
    public static string Root { get; } = FindRoot();

    /// <summary>The <c>orch</c> command.</summary>
    public static string Command { get; } = BuiltOf("cli/Orchestrator.Cli", "orch.dll");

    /// <summary>A user's assembly whose trials last, or fail, as asked.</summary>
    public static string TroubledWorkload { get; } = BuiltOf("tests/Orchestrator.EndToEnd.Workload", "Orchestrator.EndToEnd.Workload.dll");

    public static string Sample(string name) => Path.Combine(Root, "samples", name);

    // TEST/bin/Release/net10.0/linux-x64/ and PROJECT/bin/Release/net10.0/linux-x64/: every project has the same tail.
    private static string BuiltOf(string project, string assembly)
    {
        var own = Path.GetRelativePath(Root, AppContext.BaseDirectory).Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        return Path.Combine([Root, project, .. own.SkipWhile(folder => folder != "bin"), assembly]);
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Orchestrator.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("These tests run inside a checkout.");
        }

        return folder;
    }
}
