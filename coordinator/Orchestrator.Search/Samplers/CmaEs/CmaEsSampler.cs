namespace Orchestrator.Search;

/// <summary>
/// Covariance matrix adaptation evolution strategy: a normal distribution that moves towards the better trials of each generation and takes their shape
/// (Hansen, "The CMA evolution strategy: a tutorial", 2016). For many trials of numeric parameters, some hundreds and more; restarts where it has converged.
/// </summary>
/// <remarks>
/// A trial that is asked for before the generation before it is known is drawn from the last distribution that is known: with trials in parallel the first
/// few of a generation are a generation old, and count as what they are.
/// </remarks>
/// <param name="options">Population: trials of a generation.</param>
public sealed class CmaEsSampler(SamplerOptions? options = null) : ISampler
{
    private static readonly Replays<CmaEsRun> Replays = new();

    public string Name => "cma-es";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial)
    {
        var history = History.Of(study, trial);
        var draw = new CmaEsDraw(study.Space, study.Seed);
        var population = options?.Population ?? 0;
        var run = Replays.Of(study, history, population, () => CmaEsRun.First(draw, population), before =>
            new CmaEsGeneration(history, study.Goals[0], before.Start, before.State.Strategy.Population).IsKnown
                ? (before.Next(draw, study.Seed, study, history), before.Start + before.State.Strategy.Population)
                : null);
        var drawn = draw.Draw(run.State, trial);
        return new Suggestion(drawn.Parameters, FormattableString.Invariant(
            $"run {run.Restarts + 1}, generation {run.State.Generation + 1} of {run.State.Strategy.Population}, step {run.State.Step:G3}"));
    }
}
