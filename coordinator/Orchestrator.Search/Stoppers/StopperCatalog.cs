namespace Orchestrator.Search;

/// <summary>The stoppers by the names that sweep files use. BOHB is the sampler tpe with the stopper hyperband.</summary>
public static class StopperCatalog
{
    public static IReadOnlyList<string> Names { get; } = ["asha", "hyperband", "median", "patient", "percentile", "successive-halving", "threshold"];

    /// <summary>One that judges a trial by its reports and ends it for good; null where the settings name one of the other kind.</summary>
    public static IStopper? Stopper(StopperSettings settings) => settings.Name switch
    {
        "median" => new PercentileStopper(settings.Name, 50, settings.MinEpochs, settings.Startup),
        "percentile" => new PercentileStopper(settings.Name, settings.Percentile, settings.MinEpochs, settings.Startup),
        "patient" => new PatientStopper(settings.Patience, settings.MinDelta, settings.MinEpochs, settings.Of is { } wrapped ? Stopper(wrapped) : null),
        "threshold" => new ThresholdStopper(settings.Lower, settings.Upper, settings.MinEpochs),
        _ => null,
    };

    /// <summary>One whose trials pause at rungs and are promoted; null where the settings name one of the other kind.</summary>
    public static IHalving? Halving(StopperSettings settings) => settings.Name switch
    {
        "asha" => new Asha(settings.MinEpochs, settings.MaxEpochs, settings.Reduction),
        "successive-halving" => new SuccessiveHalving(settings.MinEpochs, settings.MaxEpochs, settings.Reduction),
        "hyperband" => new Hyperband(settings.MinEpochs, settings.MaxEpochs, settings.Reduction),
        _ => null,
    };
}
