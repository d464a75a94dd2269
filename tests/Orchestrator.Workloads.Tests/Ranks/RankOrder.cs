namespace Orchestrator.Workloads.Tests.Ranks;

/// <summary>What a rank's process is told, as one line on its standard input.</summary>
internal sealed record RankOrder(string Spec, string Run, string Dataset, string Output, string? Checkpoint, int Rank, int WorldSize, bool SharedMemory, bool Overlap);

/// <summary>What it says, as one line on its standard output.</summary>
internal sealed record RankResult(string WeightsHash, long Step, long SamplesPerEpoch, string ProbeHash, List<RankEpoch> Epochs, int EarlyBuckets);

internal sealed record RankEpoch(int Epoch, long Samples, string LedgerHash, SortedDictionary<string, double> Metrics);
