using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Orchestrator.Collectives.Tcp;

/// <summary>
/// What two ranks say before their first byte of data. Both draw a challenge; each proves the generation's key by an HMAC-SHA256 over
/// both challenges, both ranks, its own role and the plan. So nothing
/// can be replayed, reflected, or relayed to another rank, and the key itself is never sent.
/// </summary>
internal sealed class Handshake
{
    /// <summary>Magic and version, 8; rank, 4; reserved, 4; digest of the plan, 32; challenge, 32.</summary>
    public const int HelloLength = 80;

    public const int ProofLength = 32;

    private const int PlanOffset = 16;
    private const int ChallengeOffset = 48;

    private readonly byte[] key;
    private readonly byte[] planDigest;

    public Handshake(int rank, ShardPlan plan, byte[] key)
    {
        Rank = rank;
        WorldSize = plan.WorldSize;
        this.key = key;
        var bytes = new byte[8 * plan.WorldSize];
        for (var peer = 0; peer < plan.WorldSize; peer++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8 * peer), plan.Ranges[peer].First);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((8 * peer) + 4), plan.Ranges[peer].End);
        }

        planDigest = SHA256.HashData(bytes);
    }

    private static ReadOnlySpan<byte> Magic => "ORCHCOL1"u8;

    public int Rank { get; }

    public int WorldSize { get; }

    /// <summary>This side's hello, with a fresh challenge.</summary>
    public byte[] Hello()
    {
        var hello = new byte[HelloLength];
        Magic.CopyTo(hello);
        BinaryPrimitives.WriteInt32LittleEndian(hello.AsSpan(8), Rank);
        planDigest.CopyTo(hello, PlanOffset);
        RandomNumberGenerator.Fill(hello.AsSpan(ChallengeOffset));
        return hello;
    }

    /// <summary>The rank that the other side claims; null where it does not speak this protocol.</summary>
    public static int? ClaimedRank(ReadOnlySpan<byte> hello) =>
        hello[..8].SequenceEqual(Magic) ? BinaryPrimitives.ReadInt32LittleEndian(hello[8..]) : null;

    /// <summary>Both sides mean the same ranks and shards.</summary>
    public bool SamePlan(ReadOnlySpan<byte> hello) => hello.Slice(PlanOffset, planDigest.Length).SequenceEqual(planDigest);

    /// <summary>What only a holder of the key can say about these two hellos.</summary>
    public byte[] Proof(bool dialer, ReadOnlySpan<byte> dialerHello, ReadOnlySpan<byte> acceptorHello)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        mac.AppendData(dialer ? "orchestrator collective dialer"u8 : "orchestrator collective acceptor"u8);
        mac.AppendData(dialerHello);
        mac.AppendData(acceptorHello);
        return mac.GetHashAndReset();
    }

    public bool IsProof(ReadOnlySpan<byte> proof, bool dialer, ReadOnlySpan<byte> dialerHello, ReadOnlySpan<byte> acceptorHello) =>
        CryptographicOperations.FixedTimeEquals(proof, Proof(dialer, dialerHello, acceptorHello));
}
