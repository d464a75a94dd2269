using System.Runtime.CompilerServices;

namespace Orchestrator.Search;

/// <summary>
/// A memory of folds over histories, for samplers whose suggestion needs one: what a fold made of a study's first trials is kept, and taken up again where a
/// later study of the same space begins with the very same trials. It changes no bit; without it every suggestion would fold from the first trial on.
/// </summary>
/// <typeparam name="TFold">What a fold is after some trials; never changed.</typeparam>
internal sealed class Replays<TFold>
    where TFold : class
{
    /// <summary>Sweeps that share a space object are few: seeds of a benchmark.</summary>
    private const int MostOfASpace = 8;

    private readonly ConditionalWeakTable<SearchSpace, List<Replay>> bySpace = [];

    /// <summary>The fold over as many trials as it can take.</summary>
    /// <param name="variant">Of the fold: what else it depends on.</param>
    /// <param name="start">Over none.</param>
    /// <param name="next">Over more trials, and how many in all; null where those that it needs have not all ended.</param>
    public TFold Of(Study study, History history, int variant, Func<TFold> start, Func<TFold, (TFold Fold, int Trials)?> next)
    {
        var replays = bySpace.GetOrCreateValue(study.Space);
        lock (replays)
        {
            var replay = replays.Find(known => known.Seed == study.Seed && known.Variant == variant && known.IsOf(study, history));
            if (replay is null)
            {
                replay = new Replay(study.Seed, variant, start());
                replays.Insert(0, replay);
                if (replays.Count > MostOfASpace)
                {
                    replays.RemoveAt(replays.Count - 1);
                }
            }

            while (next(replay.Fold) is var (fold, trials))
            {
                replay.Advance(fold, study, history, trials);
            }

            return replay.Fold;
        }
    }

    private sealed class Replay(long seed, int variant, TFold fold)
    {
        private readonly List<(ParameterAssignment Parameters, ObservedState State, double[] Costs, double Violation, IReadOnlyList<double?> Reports, int FirstRest)> folded = [];

        public long Seed { get; } = seed;

        public int Variant { get; } = variant;

        public TFold Fold { get; private set; } = fold;

        public void Advance(TFold fold, Study study, History history, int trials)
        {
            for (var trial = folded.Count; trial < trials; trial++)
            {
                folded.Add((study.Trials[trial].Parameters, history.States[trial], history.Costs[trial], history.Violations[trial], history.Reports[trial], history.FirstRests[trial]));
            }

            Fold = fold;
        }

        /// <summary>Whether the study begins with the trials that were folded.</summary>
        public bool IsOf(Study study, History history)
        {
            if (history.Count < folded.Count)
            {
                return false;
            }

            for (var trial = 0; trial < folded.Count; trial++)
            {
                var known = folded[trial];
                if (!IsAsKnown(known.State, known.Reports, known.FirstRest, history, trial)
                    || BitConverter.DoubleToInt64Bits(known.Violation) != BitConverter.DoubleToInt64Bits(history.Violations[trial])
                    || (known.FirstRest == 0 && !known.Costs.AsSpan().SequenceEqual(history.Costs[trial]))
                    || !ReferenceEquals(known.Parameters, history.Parameters[trial]) && !known.Parameters.Equals(history.Parameters[trial]))
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>Of a trial that rested at a rung the reports up to it, and whether it failed, are all that folds look at: it may go on, and end, without changing them.</summary>
        private static bool IsAsKnown(ObservedState state, IReadOnlyList<double?> reports, int firstRest, History history, int trial)
        {
            var now = history.Reports[trial];
            var isFailed = history.States[trial] == ObservedState.Failed;
            if (history.FirstRests[trial] != firstRest || (firstRest == 0 ? history.States[trial] != state || now.Count != reports.Count : isFailed != (state == ObservedState.Failed)))
            {
                return false;
            }

            var count = firstRest == 0 ? reports.Count : firstRest;
            for (var tick = 0; tick < count; tick++)
            {
                if (reports[tick] != now[tick])
                {
                    return false;
                }
            }

            return true;
        }
    }
}
