using Orchestrator.Collectives.Tests;
using Xunit.MicrosoftTestingPlatform;

// A peer that is to be killed is a process of its own, and this executable is one when asked.
if (args is ["peer", var peers, var key])
{
    return await PeerProgram.RunAsync(peers.Split(','), Convert.FromHexString(key));
}

return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
