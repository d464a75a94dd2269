using Orchestrator.EndToEnd.Tests.Harness;
using Orchestrator.Testing;

[assembly: AssemblyFixture(typeof(TestServers))]

// A cluster and its trainers fill a core; more at a time than cores only measures the machine's patience.
[assembly: Xunit.v3.Parallelization(MaxThreads = 2)]
[assembly: TestCollectionOrderer(typeof(LongestFirst))]
