using Orchestrator.Specs;

namespace Orchestrator.Simulation.Tests;

/// <summary>A cluster and what is done to it. All of it follows from the seed, but for faults that were left out.</summary>
internal sealed record Schedule(int Seed, Settings Settings, IReadOnlyList<Fault> Faults)
{
    private const double First = 0.2;
    private const double Last = 8;

    public static Schedule Of(int seed)
    {
        // Not the world's own: a fault that is left out must change nothing else before its time.
        var random = new Random(unchecked((seed * 7919) + 13));
        var settings = Settings.Draw(random);
        var faults = Enumerable.Range(0, random.Next(6)).Select(_ => Draw(random)).OrderBy(fault => fault.At).ToArray();
        return new Schedule(seed, settings, faults);
    }

    /// <summary>Seconds at which nothing is disturbed any more.</summary>
    public double Quiet => Faults.Count == 0 ? 0 : Faults.Max(fault => fault.At + fault.Seconds);

    public Schedule Without(int index) => this with { Faults = [.. Faults.Where((_, at) => at != index)] };

    public override string ToString() => $"seed {Seed}, {Settings}\n  {string.Join("\n  ", Faults)}";

    private static Fault Draw(Random random)
    {
        var kinds = Enum.GetValues<FaultKind>();
        var brief = random.Next(2) == 0;
        return new Fault(
            First + (random.NextDouble() * (Last - First)),
            random.Next(4) == 0 ? (FaultKind)random.Next((int)FaultKind.FreezeInExchange + 1) : kinds[random.Next(kinds.Length)],
            random.Next(64),
            random.Next(64),
            random.Next(3),
            brief ? random.NextDouble() * 1.5 : random.NextDouble() * 20);
    }
}

/// <param name="Slots">Of each agent.</param>
/// <param name="Every">Checkpoints.</param>
/// <param name="IsTrial">A trial is not scored by itself.</param>
internal sealed record Settings(IReadOnlyList<int> Slots, int Min, int Max, Every Every, bool IsTrial)
{
    public static Settings Draw(Random random)
    {
        var slots = Enumerable.Range(0, random.Next(2, 5)).Select(_ => random.Next(1, 3)).ToArray();
        var max = random.Next(1, Math.Min(Arithmetic.Shards, slots.Sum()) + 1);
        var every = random.Next(3) switch { 0 => new Every(1, EveryUnit.Epoch), 1 => new Every(random.Next(2, 5), EveryUnit.Step), _ => new Every(100, EveryUnit.Epoch) };
        return new Settings(slots, random.Next(1, max + 1), max, every, random.Next(2) == 0);
    }

    public override string ToString() => $"slots {string.Join('+', Slots)}, workers {Min} to {Max}, checkpoint every {Every.Count} {Every.Unit}, {(IsTrial ? "a trial" : "scored")}";
}
