using System.Diagnostics;

namespace Orchestrator.Collectives.Tests;

public sealed class PeerHearingTests
{
    [Fact]
    public async Task A_cut_of_the_network_shows_on_both_sides_and_silence_of_processes_does_not()
    {
        string[] asRoot = Environment.IsPrivilegedProcess ? [] : ["--user", "--map-root-user"];
        using var program = Process.Start("unshare", [.. asRoot, "--net", Environment.ProcessPath!, "hearing"]);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HearingProgram.Well, program.ExitCode);
    }
}
