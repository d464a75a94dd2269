using System.Runtime.InteropServices;

namespace Orchestrator.Collectives.SharedMemory;

internal enum HostOperation
{
    /// <summary>Every rank reads all rows and adds for itself.</summary>
    ReduceAtOnce = 1,

    /// <summary>Every rank adds its slice, and reads the others'.</summary>
    ReduceInSlices = 2,

    Gather = 3,

    Broadcast = 4,

    /// <summary>Every rank adds its part of a <see cref="SharedTotal"/>, and reads the others' where they are.</summary>
    ReduceInPlace = 5,
}

[Flags]
internal enum Staged
{
    Nothing = 0,
    Rows = 1,
    Total = 2,
}

/// <summary>What a rank does next, and where peers find what it brings. Offsets in its segment; -1: nowhere there.</summary>
/// <param name="Length">Elements; bytes of a gather or broadcast.</param>
/// <param name="Detail">The dtype, or the root of a broadcast.</param>
/// <param name="Stride">Bytes from row to row.</param>
/// <param name="Piece">Elements that this rank can take at a time.</param>
/// <param name="Staged">What holds one piece after the other instead of all elements.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct Announcement(
    long Sequence, HostOperation Operation, int Detail, long Length, long Rows, long Stride, long Total, int Piece, Staged Staged)
{
    /// <summary>Both are about the same operation.</summary>
    public bool Matches(in Announcement other) =>
        Sequence == other.Sequence
        && Operation == other.Operation
        && Detail == other.Detail
        && (Length == other.Length || Operation == HostOperation.Gather);
}

/// <summary>The first page of a segment. Its owner alone writes it; what is written together lies in a cache line of its own.</summary>
internal readonly unsafe struct SegmentHeader(byte* start)
{
    public const int NonceLength = 32;

    /// <summary>Bytes up to the segment's first buffer.</summary>
    public const int Size = 4096;

    private const int NonceOffset = 8;
    private const int PositionOffset = 64;
    private const int WaitingOffset = 128;
    private const int AbortOffset = 192;
    private const int AnnouncementOffset = 256;

    /// <summary>Only who knows it has opened the right segment.</summary>
    public Span<byte> Nonce => new(start + NonceOffset, NonceLength);

    /// <summary>How far the owner is: only ever grows.</summary>
    public long* Position => (long*)(start + PositionOffset);

    /// <summary>The half of the position that changes; the owner's peers sleep on it.</summary>
    public int* PositionWord => (int*)(start + PositionOffset);

    /// <summary>The member that the owner sleeps for, plus 1; 0: awake; <see cref="Elsewhere"/>.</summary>
    public int* Waiting => (int*)(start + WaitingOffset);

    /// <summary>0: none. Otherwise the failure, plus 1, and in the upper half the rank that is blamed, plus 1.</summary>
    public long* Abort => (long*)(start + AbortOffset);

    /// <summary>Waits for another host.</summary>
    public const int Elsewhere = -1;

    /// <summary>Two in turns: a slow peer may still read the one before.</summary>
    public ref Announcement Announced(long sequence) =>
        ref *(Announcement*)(start + AnnouncementOffset + (128 * (sequence & 1)));
}
