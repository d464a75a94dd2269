namespace Orchestrator.Search;

/// <summary>What decides how a population is trained, every default filled in.</summary>
/// <param name="Every">Members are compared after every so many epochs.</param>
/// <param name="MaxEpochs">Of a whole training; after its last epoch nobody is compared.</param>
/// <param name="Truncation">The share of members that end, each for a copy of one of the same share of the best.</param>
/// <param name="Perturb">By how much a copy's parameters change.</param>
/// <param name="Resample">How often one of them is drawn anew instead.</param>
/// <param name="Inherited">Parameters that a copy takes as they are: the checkpoint would not fit others.</param>
public sealed record PopulationSettings(int Every, int MaxEpochs, double Truncation, double Perturb, double Resample, IReadOnlyList<string> Inherited)
{
    public const double UsualTruncation = 0.2;
    public const double UsualPerturbation = 0.2;
    public const double UsualResampling = 0.25;

    /// <summary>Whether members are compared after so many epochs.</summary>
    public bool IsExchange(int epochs) => epochs > 0 && epochs % Every == 0 && epochs < MaxEpochs;

    /// <summary>The epoch after so many at which members are compared next; 0 where they train to their end.</summary>
    public int NextExchange(int epochs) => ((epochs / Every) + 1) * Every is var next && next < MaxEpochs ? next : 0;

    /// <summary>How many of so many members end at an exchange.</summary>
    public int Ending(int members) => Math.Min((int)Math.Ceiling(Truncation * members), members / 2);

    /// <summary>How many trials a population comes to whose members don't fail.</summary>
    public int TrialsOf(int members) => members + (((MaxEpochs - 1) / Every) * Ending(members));
}

/// <summary>
/// Population based training (Jaderberg and others, "Population based training of neural networks", 2017): members train side by side, and after every few epochs the
/// worst end, each for a new member that begins where one of the best stands (exploit, by truncation selection) with other parameters (explore). So parameters follow a
/// schedule that is found while training, and no training is thrown away but the worst. A member is a trial: its parameters never change, and what began from its
/// checkpoint is another trial.
/// </summary>
/// <remarks>
/// All members stand at the same epoch when they are compared, so who is better does not depend on who was there first. What is drawn for a new trial is a function of
/// the seed and its number.
/// </remarks>
public sealed class PopulationTraining(PopulationSettings settings)
{
    private const int MostAttempts = 1000;
    private const int DrawsOfAParameter = 3;

    /// <summary>A new trial in place of one that ended.</summary>
    /// <param name="Loser">The member that ends for it; null where one had failed before.</param>
    /// <param name="Source">The member at whose checkpoint it begins.</param>
    public sealed record Replacement(int? Loser, int Source);

    /// <summary>Who ends, and who is copied.</summary>
    /// <param name="members">All who stand at the exchange, by what they are worth there; best first.</param>
    /// <param name="vacancies">Members that were lost since.</param>
    /// <param name="first">The number of the next trial.</param>
    /// <param name="most">How many more trials there may be.</param>
    public IReadOnlyList<Replacement> Exchange(IReadOnlyList<RungEntry> members, int vacancies, long seed, int first, int most)
    {
        var ending = settings.Ending(members.Count);
        var sources = members.Take(Math.Max(1, ending)).Where(member => double.IsFinite(member.Score)).ToArray();
        if (sources.Length == 0)
        {
            return [];
        }

        var losers = members.Skip(members.Count - ending).Reverse().Select(member => (int?)member.Trial);
        return [.. Enumerable.Repeat<int?>(null, vacancies).Concat(losers).Take(most).Select((loser, place) =>
            new Replacement(loser, sources[(int)(sources.Length * Draws.Unit(seed, first + place, -2))].Trial))];
    }

    /// <summary>The parameters of a new trial that begins where another one stands: each is perturbed, or drawn anew.</summary>
    public ParameterAssignment Explore(SearchSpace space, long seed, int trial, ParameterAssignment from)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            var explored = Attempt(space, seed, trial, from, attempt);
            if (space.Keeps(explored))
            {
                return explored;
            }
        }

        return from;
    }

    private ParameterAssignment Attempt(SearchSpace space, long seed, int trial, ParameterAssignment from, int attempt) => space.Assign((parameter, place) =>
    {
        double Draw(int which) => Draws.Unit(seed, trial, place, 1 + (((long)attempt * DrawsOfAParameter) + which));
        var isKnown = from.TryGetValue(parameter.Name, out var own);
        return isKnown && settings.Inherited.Contains(parameter.Name) ? own!
            : !isKnown || Draw(0) < settings.Resample ? parameter.Domain.FromUnit(Draw(1))
            : Step(parameter.Domain, own!, Draw(2) < 0.5 ? -1 : 1);
    });

    /// <summary>On a scale of logarithms by a share of the value, as in the paper; on a straight one by a share of the range; at least to the next of separate values.</summary>
    private ParameterValue Step(ParameterDomain domain, ParameterValue own, int sign)
    {
        switch (domain)
        {
            case ParameterDomain.Uniform { Low: var low, High: var high }:
                return ParameterValue.Of(Math.Clamp(Exact.Round(own.AsNumber()!.Value + (sign * settings.Perturb * (high - low))), low, high));
            case ParameterDomain.LogUniform { Low: var low, High: var high }:
                return ParameterValue.Of(Math.Clamp(Exact.Round(own.AsNumber()!.Value * (1 + (sign * settings.Perturb))), low, high));
            case ParameterDomain.Choice { Ordered: false } or ParameterDomain.Constant:
                return own;
            default:
                var (level, levels) = (domain.LevelOf(Dimension.Clamp(domain.ToUnit(own))), domain.Levels!.Value);
                var range = domain is ParameterDomain.Integer { Log: true } ? own.AsNumber()!.Value : domain is ParameterDomain.Choice ? 1 : levels;
                var step = Math.Max(1, (long)Math.Round(settings.Perturb * range));
                return domain.GridPoint(Math.Clamp(level + (sign * step), 0, levels - 1));
        }
    }
}

/// <summary>The members that a population begins with; those that come later begin at another's checkpoint (<see cref="PopulationTraining"/>).</summary>
public sealed class PbtSampler : ISampler
{
    public string Name => "pbt";

    public long? Size(SearchSpace space) => null;

    public Suggestion Suggest(Study study, int trial) => new(SobolSampler.Point(study.Space, study.Seed, trial), "member of the first population");
}
