using System.Text.Json.Serialization;

namespace Orchestrator.Worker.Bench.Parts;

[JsonConverter(typeof(JsonStringEnumConverter<PartKind>))]
internal enum PartKind
{
    /// <summary>A rank as a run has it.</summary>
    Trainer,

    /// <summary>What a user would write with TorchSharp alone.</summary>
    PlainLoop,

    /// <summary>A rank that only sums.</summary>
    Reducer,

    /// <summary>A rank of one run after the other, of which the hash counts.</summary>
    Hasher,
}

[JsonConverter(typeof(JsonStringEnumConverter<PartTransport>))]
internal enum PartTransport
{
    /// <summary>As a run has it.</summary>
    Fastest,

    Tcp,

    /// <summary>Half of the ranks count as another host: memory within a half, TCP between them.</summary>
    Mixed,
}

/// <summary>What a part of a benchmark is told, as one line on its standard input. A turn is a line after that: a count, or a size and a count.</summary>
/// <param name="Address">Where it listens for the others.</param>
/// <param name="Overlap">As the task's.</param>
internal sealed record PartOrder(PartKind Kind, string Spec = "", string Dataset = "", string Output = "", int WorldSize = 1, int Rank = 0, PartTransport Transport = PartTransport.Fastest, string Address = "127.0.0.1", bool Overlap = true);
