using Orchestrator.Data;
using Orchestrator.Worker.Local;

namespace Orchestrator.Worker.Tests.Cluster;

/// <summary>The shipped digits, imported.</summary>
internal sealed class DigitsFolder : IDisposable
{
    private readonly TestFolder folder = new();

    public DigitsFolder()
    {
        Path = LocalDataset.Find("digits", null, folder.Path);
        Manifest = File.ReadAllBytes(System.IO.Path.Combine(Path, Dataset.ManifestFile));
        ManifestSha256 = DatasetManifest.Parse(Manifest).Sha256;
    }

    public string Path { get; }

    public byte[] Manifest { get; }

    public string ManifestSha256 { get; }

    public byte[] Chunk(string sha256) => File.ReadAllBytes(Dataset.ChunkPath(Path, sha256));

    public void Dispose() => folder.Dispose();
}
