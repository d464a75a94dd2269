using Orchestrator.Testing;

[assembly: AssemblyFixture(typeof(TestServers))]
