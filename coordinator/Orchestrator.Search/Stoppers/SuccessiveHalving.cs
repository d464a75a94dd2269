namespace Orchestrator.Search;

/// <summary>
/// Successive halving of Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (AISTATS 2016): all trials of the sweep
/// come to a rung before the best 1/η of them go on. For small sweeps; <see cref="Asha"/> does not wait.
/// </summary>
public sealed class SuccessiveHalving(int minEpochs, int maxEpochs, int reduction) : IHalving
{
    private readonly IReadOnlyList<int> rungs = Bracket.Geometric(minEpochs, maxEpochs, reduction);

    public string Name => "successive-halving";

    public int Reduction => reduction;

    public Bracket BracketOf(int trial, int trials) => BracketAt(0, trials);

    public Bracket BracketAt(int index, int trials) => new(0, rungs, trials, IsSynchronous: true);
}
