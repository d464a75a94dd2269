using System.Runtime.InteropServices;
using Orchestrator.Collectives;
using Orchestrator.Training.Checkpoints;
using Orchestrator.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>A generation's first act: its members say how far they are, and who is behind takes the whole state from who is ahead, over the connections that the steps will use.</summary>
internal static class StateTransfer
{
    private const int Piece = 32 << 20;

    /// <returns>True where this rank took a peer's state.</returns>
    /// <exception cref="NoStateException">No member has the state.</exception>
    public static bool Align(ICollective collective, LoadedRun run, TrainingState state, bool hasState, Action alive)
    {
        var mine = new MemberState(hasState, state.Step, state.Epoch);
        var members = collective.AllGather(MemoryMarshal.AsBytes([mine])).Select(bytes => MemoryMarshal.Read<MemberState>(bytes)).ToArray();
        var alignment = Alignment.Of(members);
        if (alignment.Source < 0)
        {
            throw new NoStateException();
        }

        if (alignment.Receivers.Count == 0)
        {
            return false;
        }

        var sends = alignment.Source == collective.Rank;
        var takes = alignment.Receivers.Contains(collective.Rank);
        var told = Exchange(collective, alignment.Source, sends ? state.ToBytes() : []);
        // Whoever is a step behind keeps what it has until all is here: the sender may die in the middle.
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var taken = new List<(Tensor State, Tensor Host)>();
        foreach (var tensor in StateSnapshot.Live(run.Model, run.Optimizer))
        {
            alive();
            var host = sends ? tensor.cpu() : takes ? empty(tensor.shape, tensor.dtype) : null;
            Move(collective, alignment.Source, host is null ? [] : host.bytes, tensor.NumberOfElements * tensor.ElementSize, sends);
            if (takes)
            {
                taken.Add((tensor, host!));
            }
        }

        foreach (var (tensor, host) in taken)
        {
            tensor.copy_(host);
        }

        if (takes)
        {
            state.Take(told);
        }

        return takes;
    }

    private static void Move(ICollective collective, int source, Span<byte> bytes, long length, bool sends)
    {
        for (var first = 0L; first < length; first += Piece)
        {
            var piece = bytes.IsEmpty ? [] : bytes.Slice((int)first, (int)Math.Min(Piece, length - first));
            var sent = Exchange(collective, source, sends ? piece : []);
            if (!sends && !piece.IsEmpty)
            {
                sent.CopyTo(piece);
            }
        }
    }

    private static byte[] Exchange(ICollective collective, int source, ReadOnlySpan<byte> mine) => collective.AllGather(mine)[source];
}

/// <summary>Every member of the generation that had the run's state is gone.</summary>
public sealed class NoStateException() : IOException("no member of the generation has the run's state any more");
