namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>A test with clusters of its own; what they logged is shown where it fails.</summary>
public abstract class ClusterTest : IDisposable
{
    private readonly List<Cluster> clusters = [];

    /// <summary>Nothing runs yet.</summary>
    /// <param name="options">Of <c>orch up</c>.</param>
    private protected Cluster Prepare(params string[] options)
    {
        var cluster = Cluster.Prepare(options);
        clusters.Add(cluster);
        return cluster;
    }

    /// <param name="options">Of <c>orch up</c>.</param>
    private protected Task<Cluster> UpAsync(params string[] options) => Prepare(options).UpAsync();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        foreach (var cluster in clusters)
        {
            if (TestContext.Current.TestState?.Result == TestResult.Failed)
            {
                TestContext.Current.TestOutputHelper?.WriteLine(cluster.Logs());
            }

            cluster.Dispose();
        }
    }
}
