using Orchestrator.Testing;

[assembly: AssemblyFixture(typeof(TestServers))]

// What a coordinator logs is shown beside the test that failed.
[assembly: CaptureConsole]
