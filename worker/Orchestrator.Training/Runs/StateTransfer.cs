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
    private const int Piece = 8 << 20;

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
        var told = Told(collective, alignment.Source, sends ? state.ToBytes() : []);
        var scratch = new byte[sends || takes ? 0 : Piece];
        // Whoever is a step behind keeps what it has until all is here: the sender may die in the middle.
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var taken = new List<(Tensor State, Tensor Host)>();
        foreach (var tensor in StateSnapshot.Live(run.Model, run.Optimizer))
        {
            alive();
            var host = sends ? tensor.cpu() : takes ? empty(tensor.shape, tensor.dtype) : null;
            Move(collective, alignment.Source, host is null ? [] : host.bytes, tensor.NumberOfElements * tensor.ElementSize, scratch);
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

    private static byte[] Told(ICollective collective, int source, byte[] mine)
    {
        var length = BitConverter.GetBytes(mine.Length);
        collective.Broadcast(source, length);
        var bytes = collective.Rank == source ? mine : new byte[BitConverter.ToInt32(length)];
        collective.Broadcast(source, bytes);
        return bytes;
    }

    /// <param name="bytes">Empty on a rank that only passes them on.</param>
    private static void Move(ICollective collective, int source, Span<byte> bytes, long length, byte[] scratch)
    {
        for (var first = 0L; first < length; first += Piece)
        {
            var count = (int)Math.Min(Piece, length - first);
            collective.Broadcast(source, bytes.IsEmpty ? scratch.AsSpan(0, count) : bytes.Slice((int)first, count));
        }
    }
}

/// <summary>Every member of the generation that had the run's state is gone.</summary>
public sealed class NoStateException() : IOException("no member of the generation has the run's state any more");
