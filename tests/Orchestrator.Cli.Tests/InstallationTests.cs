using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Tests.Fakes;

namespace Orchestrator.Cli.Tests;

public sealed class InstallationTests
{
    private const string Coordinator = "Orchestrator.Coordinator.dll";

    private const string Worker = "Orchestrator.Worker.dll";

    [Fact]
    public void In_a_checkout_the_hosts_lie_in_their_own_output_folders_of_the_same_build()
    {
        using var folder = new Folder();
        folder.Write("Orchestrator.sln", "");
        var coordinator = folder.Write($"coordinator/Orchestrator.Coordinator/bin/Debug/net10.0/linux-x64/{Coordinator}", "");
        var worker = folder.Write($"worker/Orchestrator.Worker/bin/Debug/net10.0/linux-x64/{Worker}", "");
        var own = folder["cli/Orchestrator.Cli/bin/Debug/net10.0/linux-x64/"];

        Assert.Equal(new(coordinator, worker, folder.Path), Installation.Find(own, home: null));
        Assert.Contains("is not built", Assert.Throws<CliException>(() => Installation.Find(own.Replace("Debug", "Release"), home: null)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cli/")]
    [InlineData("")]
    public void Published_the_hosts_lie_in_sibling_folders(string own)
    {
        using var folder = new Folder();
        var installation = Publish(folder);

        Assert.Equal(installation, Installation.Find(folder[own], home: null));
        Assert.Equal(installation, Installation.Find("/", folder.Path));
    }

    [Fact]
    public void A_home_without_the_hosts_is_refused() =>
        Assert.Equal(ExitCode.BadInput, Assert.Throws<CliException>(() => Installation.Find("/", "/nonexistent")).ExitCode);

    private static Installation Publish(Folder folder) =>
        new(folder.Write($"coordinator/{Coordinator}", ""), folder.Write($"worker/{Worker}", ""), Checkout: null);
}
