namespace Orchestrator.Search;

/// <summary>
/// Hyperband of Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization" (JMLR 18, 2018), algorithm 1: brackets from the most trials with
/// the fewest epochs to the fewest trials with all of them, over and over until the sweep's trials are dealt. With the sampler tpe it is BOHB (Falkner et al., ICML 2018).
/// </summary>
public sealed class Hyperband : IHalving
{
    private readonly (IReadOnlyList<int> Rungs, int Size)[] round;
    private readonly int roundSize;

    /// <param name="minEpochs">The least that any trial gets.</param>
    /// <param name="maxEpochs">R of the paper.</param>
    /// <param name="reduction">η of the paper.</param>
    public Hyperband(int minEpochs, int maxEpochs, int reduction)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxEpochs, minEpochs);
        ArgumentOutOfRangeException.ThrowIfLessThan(reduction, 2);
        Reduction = reduction;
        // By whole numbers: a logarithm would be the operating system's.
        var most = 0;
        for (var epochs = (long)minEpochs * reduction; epochs <= maxEpochs; epochs *= reduction)
        {
            most++;
        }

        round = [.. Enumerable.Range(0, most + 1).Select(i => Of(most - i))];
        roundSize = round.Sum(bracket => bracket.Size);

        (IReadOnlyList<int>, int) Of(int halvings)
        {
            var power = 1L;
            var rungs = new SortedSet<int>();
            for (var i = 0; i < halvings; i++)
            {
                power *= reduction;
                rungs.Add((int)Math.Max(minEpochs, maxEpochs / power));
            }

            var size = (((most + 1) * power) + halvings) / (halvings + 1);
            return ([.. rungs.Where(epoch => epoch < maxEpochs)], (int)size);
        }
    }

    public string Name => "hyperband";

    public int Reduction { get; }

    public Bracket BracketOf(int trial, int trials)
    {
        var (rounds, place) = Math.DivRem(trial, roundSize);
        var bracket = 0;
        while (place >= round[bracket].Size)
        {
            place -= round[bracket++].Size;
        }

        return BracketAt((rounds * round.Length) + bracket, trials);
    }

    public Bracket BracketAt(int index, int trials)
    {
        var (rounds, place) = Math.DivRem(index, round.Length);
        var first = (rounds * roundSize) + round.Take(place).Sum(bracket => bracket.Size);
        // The sweep's last bracket gets what is left.
        return new Bracket(index, round[place].Rungs, Math.Clamp(trials - first, 0, round[place].Size), IsSynchronous: true);
    }
}
