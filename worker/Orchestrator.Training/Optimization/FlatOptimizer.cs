using Orchestrator.Specs;
using Orchestrator.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Optimization;

/// <summary>
/// An update of all weights at once, in place, on the flat tensors. The formulas are those of torch.optim. In the host's memory one pass goes over everything, a vector at a time: elementwise
/// additions, multiplications, divisions and roots, whose bits no vector width, thread or maker of processors changes. On a device torch's own operations do it.
/// </summary>
internal abstract class FlatOptimizer(Tensor weights) : IDisposable
{
    /// <summary>The name of the weights' moving average among the states.</summary>
    public const string Average = "ema";

    /// <summary>128 KB of each tensor: what an average reads again is still in the core's cache.</summary>
    private const int PieceElements = 1 << 15;

    private readonly Dictionary<string, Tensor> states = new(StringComparer.Ordinal);
    private readonly List<Tensor> ruleStates = [];
    private UpdateRange[] ranges = [];
    private UpdateRange[] pieces = [];
    private double averageDecay;

    /// <summary>What must survive a restart besides the step: [elements] each, laid out as the weights are.</summary>
    public IReadOnlyDictionary<string, Tensor> States => states;

    /// <exception cref="SpecException">The name is not known.</exception>
    public static FlatOptimizer Create(TrainingSpec training, FlatModel model)
    {
        var rule = Rule(training.Optimizer, model.Weights);
        rule.ranges = [.. Ranges(training.Optimizer, model)];
        rule.pieces = [.. rule.ranges.SelectMany(Cut)];
        if (training.Ema is { } decay)
        {
            rule.averageDecay = decay;
            rule.states.Add(Average, model.Weights.detach().clone().DetachFromDisposeScope());
        }

        return rule;
    }

    /// <param name="gradient">As long as the weights; not kept.</param>
    public void Update(Tensor gradient, UpdateStep step)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        if (weights.device_type == DeviceType.CPU)
        {
            UpdateHost(gradient, step);
        }
        else
        {
            UpdateDevice(gradient, step);
        }
    }

    /// <summary>Exchanges the weights for their average until it is disposed of; nothing where there is none.</summary>
    public IDisposable? UseAverage() => states.TryGetValue(Average, out var average) ? new AverageInPlace(weights, average) : null;

    public virtual void Dispose()
    {
        foreach (var state in states.Values)
        {
            state.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>One piece, in the host's memory. May run on several threads at once, each with its own piece.</summary>
    protected abstract void UpdatePiece(in UpdateStep step, in HostPiece piece);

    /// <summary>One range, on a device.</summary>
    /// <param name="gradients">Scaled and bounded already; may be changed.</param>
    /// <param name="states">In the order in which they were added.</param>
    protected abstract void UpdateRange(in UpdateStep step, Tensor weights, Tensor gradients, IReadOnlyList<Tensor> states);

    protected void AddState(string name)
    {
        var state = zeros_like(weights).DetachFromDisposeScope();
        states.Add(name, state);
        ruleStates.Add(state);
    }

    private static FlatOptimizer Rule(OptimizerSpec spec, Tensor weights) => spec.Name switch
    {
        "sgd" => new Sgd(spec, weights),
        "adam" => new Adam(spec, weights, decoupled: false),
        "adamw" => new Adam(spec, weights, decoupled: true),
        "rmsprop" => new RmsProp(spec, weights),
        _ => throw WorkloadContext.Mistake("unknown-value", "training.optimizer.name", $"'{spec.Name}' is no optimizer", "known: sgd, adam, adamw, rmsprop"),
    };

    /// <summary>Neighbours that are decayed alike are one range; a parameter's padding goes with it.</summary>
    private static List<UpdateRange> Ranges(OptimizerSpec spec, FlatModel model)
    {
        var found = new List<UpdateRange>();
        foreach (var slot in model.Parameters)
        {
            var decay = spec.Decay == OptimizerSpec.DecayWeights && slot.Shape.Length < 2 ? 0 : spec.WeightDecay;
            var end = HostMemory.Align((long)slot.Offset + slot.Length);
            if (found is [.., var last] && last.WeightDecay.Equals(decay))
            {
                found[^1] = last with { Length = end - last.First };
            }
            else
            {
                found.Add(new UpdateRange(slot.Offset, end - slot.Offset, decay));
            }
        }

        return found;
    }

    private static IEnumerable<UpdateRange> Cut(UpdateRange range)
    {
        for (var first = 0; first < range.Length; first += PieceElements)
        {
            yield return range with { First = range.First + first, Length = Math.Min(PieceElements, range.Length - first) };
        }
    }

    private void UpdateHost(Tensor gradient, UpdateStep step)
    {
        var (weightsAt, gradientsAt) = (HostMemory.Address(weights), HostMemory.Address(gradient));
        var (first, second) = (StateAt(0), StateAt(1));
        var average = averageDecay > 0 ? HostMemory.Address(states[Average]) : 0;
        if (get_num_threads() == 1)
        {
            foreach (var piece in pieces)
            {
                One(piece);
            }
        }
        else
        {
            Parallel.ForEach(pieces, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, One);
        }

        void One(UpdateRange piece)
        {
            var offset = (nint)piece.First * sizeof(float);
            UpdatePiece(
                step with { WeightDecay = piece.WeightDecay },
                new HostPiece(weightsAt + offset, gradientsAt + offset, first + offset, second + offset, piece.Length));
            if (average != 0)
            {
                MovingAverage.Follow(average + offset, weightsAt + offset, piece.Length, averageDecay);
            }
        }

        nint StateAt(int index) => index < ruleStates.Count ? HostMemory.Address(ruleStates[index]) : 0;
    }

    private void UpdateDevice(Tensor gradient, UpdateStep step)
    {
        if (step.Scale != 1)
        {
            gradient.mul_(step.Scale);
        }

        if (double.IsFinite(step.Bound))
        {
            gradient.clamp_(-step.Bound, step.Bound);
        }

        foreach (var range in ranges)
        {
            UpdateRange(step with { WeightDecay = range.WeightDecay }, Of(weights), Of(gradient), [.. ruleStates.Select(Of)]);

            Tensor Of(Tensor flat) => flat.narrow(0, range.First, range.Length);
        }

        if (averageDecay > 0)
        {
            states[Average].add_(weights - states[Average], 1 - averageDecay);
        }
    }

    private sealed class AverageInPlace : IDisposable
    {
        private readonly Tensor weights;
        private readonly Tensor kept;

        public AverageInPlace(Tensor weights, Tensor average)
        {
            using var untracked = no_grad();
            this.weights = weights;
            kept = weights.detach().clone().DetachFromDisposeScope();
            weights.copy_(average);
        }

        public void Dispose()
        {
            using var untracked = no_grad();
            weights.copy_(kept);
            kept.Dispose();
        }
    }
}
