namespace Orchestrator.Search;

/// <summary>What somebody believes of a parameter before the first trial: a bell around one value, or a weight for each choice.</summary>
/// <param name="At">The value believed to be best; null where there are weights.</param>
/// <param name="Spread">The bell's standard deviation, as a share of the parameter's range in its own scale (of the logarithm where it is one).</param>
/// <param name="Weights">One for each option of a choice, in their order; empty where there is a bell.</param>
public sealed record ParameterPrior(ParameterValue? At, double Spread, IReadOnlyList<double> Weights)
{
    public const double UsualSpread = 0.2;

    /// <summary>What is wrong with it for such a parameter, or null.</summary>
    internal string? Fault(ParameterDomain domain) => (domain, At) switch
    {
        (ParameterDomain.Constant, _) => "a constant takes no prior",
        (ParameterDomain.Choice { Ordered: false }, not null) => "the prior of a choice is a weight for each of its values",
        (ParameterDomain.Choice choice, null) when Weights.Count != choice.Options.Count => $"the prior has {Weights.Count} weights for {choice.Options.Count} choices",
        (ParameterDomain.Choice, null) => Weights.All(weight => weight > 0 && double.IsFinite(weight)) ? null : "the weights of a prior are above 0",
        (_, null) => "the prior of a range names a value: { at: 0.01, spread: 0.2 }",
        (_, { } at) when !domain.Contains(at) => $"the prior is around {at}, which is not among its values",
        _ => Spread is > 0 and <= 1 ? null : $"the spread of a prior is above 0 and at most 1, not {Spread}",
    };
}
