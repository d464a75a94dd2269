using Orchestrator.Collectives.Tests;
using Xunit.MicrosoftTestingPlatform;

// A peer that is to be killed is a process of its own, and this executable is one when asked.
if (args is ["peer", ..])
{
    return await PeerProgram.RunAsync(args[1..]);
}

if (args is ["hearing"])
{
    return HearingProgram.Run();
}

return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
