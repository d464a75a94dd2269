using System.Runtime.Versioning;

// Real processes that train: side by side they would only take each other's time.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: SupportedOSPlatform("linux")]
