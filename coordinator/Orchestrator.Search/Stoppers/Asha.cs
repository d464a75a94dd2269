namespace Orchestrator.Search;

/// <summary>
/// Asynchronous successive halving of Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020), algorithm 2, in the form that promotes: a
/// trial pauses at its rung, a free slot goes to a paused trial that is among the best 1/η of its rung (highest rung first), and to a new trial where there is none.
/// </summary>
public sealed class Asha(int minEpochs, int maxEpochs, int reduction) : IHalving
{
    private readonly IReadOnlyList<int> rungs = Bracket.Geometric(minEpochs, maxEpochs, reduction);

    public string Name => "asha";

    public int Reduction => reduction;

    public Bracket BracketOf(int trial, int trials) => BracketAt(0, trials);

    public Bracket BracketAt(int index, int trials) => new(0, rungs, trials, IsSynchronous: false);
}
