using System.Runtime.Versioning;

// Real processes that train: side by side they would only take each other's time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: SupportedOSPlatform("linux")]
