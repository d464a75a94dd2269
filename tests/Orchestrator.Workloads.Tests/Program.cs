using Orchestrator.Workloads.Tests.Ranks;
using Xunit.MicrosoftTestingPlatform;

// Torch's random generator belongs to the process: ranks that train side by side are processes, and this executable is one when asked.
if (args is ["rank"])
{
    return await RankProgram.RunAsync();
}

return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, Orchestrator.Workloads.Tests.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
