using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>One cluster for all tests that leave a cluster as they find it. It sends its traces to a backend, and has a sweep that has ended.</summary>
public sealed class SharedCluster : IAsyncLifetime
{
    private readonly Cluster cluster = Cluster.Prepare("--workers", "2");
    private OtlpReceiver? backend;

    internal Cluster Cluster => cluster;

    internal OtlpReceiver Backend => backend!;

    /// <summary>Of two trials, each on two workers.</summary>
    internal string Sweep { get; private set; } = "";

    /// <summary>As <c>sweep show</c> has it.</summary>
    internal JsonElement Shown { get; private set; }

    internal string BestRun => Shown.GetProperty("best").Text("run");

    /// <summary>The run that is not the best: trained, and never scored on the test split.</summary>
    internal string OtherRun => Shown.Items("trials").Select(trial => trial.Text("run")).Single(run => run != BestRun);

    public async ValueTask InitializeAsync()
    {
        backend = await OtlpReceiver.StartAsync();
        await cluster.With("OTEL_EXPORTER_OTLP_ENDPOINT", backend.Endpoint).UpAsync();
        Sweep = await cluster.SubmitSweepAsync(
            Product.Sample("digits.yaml"), "--set", "search.trials=2", "--set", "training.epochs=2", "--set", "training.workers.min=2", "--set", "labels.team=vision");
        Shown = await cluster.EndOfSweepAsync(Sweep);
        Assert.Equal("succeeded", Shown.Text("state"));
    }

    public async ValueTask DisposeAsync()
    {
        cluster.Dispose();
        await Backend.DisposeAsync();
    }
}

/// <summary>Its classes run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class SharedClusterCollection : ICollectionFixture<SharedCluster>
{
    public const string Name = "shared cluster";
}

/// <summary>A test on the shared cluster; what the cluster logged is shown where it fails.</summary>
[Collection(SharedClusterCollection.Name)]
public abstract class SharedClusterTest(SharedCluster shared) : IDisposable
{
    private protected SharedCluster Shared => shared;

    private protected Cluster Cluster => shared.Cluster;

    private protected Orch Orch => shared.Cluster.Orch;

    public void Dispose()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(Cluster.Logs());
        }

        GC.SuppressFinalize(this);
    }
}
