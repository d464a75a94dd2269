using System.Text.Json.Serialization;

namespace Orchestrator.Search;

/// <summary>The values that a parameter may take, and how a number of [0, 1) becomes one of them.</summary>
[JsonDerivedType(typeof(Uniform), nameof(Uniform))]
[JsonDerivedType(typeof(LogUniform), nameof(LogUniform))]
[JsonDerivedType(typeof(Integer), nameof(Integer))]
[JsonDerivedType(typeof(Quantized), nameof(Quantized))]
[JsonDerivedType(typeof(Choice), nameof(Choice))]
[JsonDerivedType(typeof(Constant), nameof(Constant))]
public abstract record ParameterDomain
{
    private ParameterDomain()
    {
    }

    /// <summary>How many values a grid takes; null where the range has no end of them and no number was told.</summary>
    [JsonIgnore]
    public abstract long? GridPoints { get; }

    /// <summary>A value by its share of the domain.</summary>
    /// <param name="unit">In [0, 1).</param>
    public abstract ParameterValue FromUnit(double unit);

    /// <summary>The grid's value with this index, lowest first.</summary>
    public abstract ParameterValue GridPoint(long index);

    /// <summary>Whether the domain has the value.</summary>
    public abstract bool Contains(ParameterValue value);

    /// <summary>What is wrong with the bounds, or null.</summary>
    internal abstract string? Fault();

    /// <summary>Even in [low, high].</summary>
    /// <param name="Points">How many values a grid takes, ends included.</param>
    public sealed record Uniform(double Low, double High, int? Points = null) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => Points;

        public override ParameterValue FromUnit(double unit) => ParameterValue.Of(Math.Clamp(Low + (unit * (High - Low)), Low, High));

        public override ParameterValue GridPoint(long index) =>
            ParameterValue.Of(Points == 1 ? Exact.Round(Low + ((High - Low) / 2)) : Ends(index, Low, High, Points!.Value, share => Low + (share * (High - Low))));

        public override bool Contains(ParameterValue value) => value.AsNumber() is { } number && number >= Low && number <= High;

        internal override string? Fault() => RangeFault(Low, High) ?? PointsFault(Points);
    }

    /// <summary>Even in the logarithm over [low, high]; values have 12 significant digits.</summary>
    /// <param name="Points">How many values a grid takes, ends included.</param>
    public sealed record LogUniform(double Low, double High, int? Points = null) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => Points;

        public override ParameterValue FromUnit(double unit) => ParameterValue.Of(At(unit));

        public override ParameterValue GridPoint(long index) =>
            ParameterValue.Of(Points == 1 ? At(0.5) : Ends(index, Low, High, Points!.Value, At));

        public override bool Contains(ParameterValue value) => value.AsNumber() is { } number && number >= Low && number <= High;

        internal override string? Fault() =>
            RangeFault(Low, High) ?? (Low <= 0 ? $"a logarithm needs a lowest value above 0, not {Low}" : PointsFault(Points));

        private double At(double share)
        {
            var low = Exact.Log(Low);
            return Math.Clamp(Exact.Round(Exact.Exp(low + (share * (Exact.Log(High) - low)))), Low, High);
        }
    }

    /// <summary>low, low + step, ... up to high.</summary>
    /// <param name="Log">Drawn evenly in the logarithm; takes no step.</param>
    public sealed record Integer(long Low, long High, long Step = 1, bool Log = false) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => ((High - Low) / Step) + 1;

        public override ParameterValue FromUnit(double unit)
        {
            if (!Log)
            {
                return GridPoint(IndexOf(unit, GridPoints!.Value));
            }

            var low = Exact.Log(Low - 0.5);
            var drawn = Exact.Round(Exact.Exp(low + (unit * (Exact.Log(High + 0.5) - low))));
            return ParameterValue.Of(Math.Clamp((long)Math.Round(drawn), Low, High));
        }

        public override ParameterValue GridPoint(long index) => ParameterValue.Of(Low + (index * Step));

        public override bool Contains(ParameterValue value) =>
            long.TryParse(value.Json, out var number) && number >= Low && number <= High && (number - Low) % Step == 0;

        internal override string? Fault() =>
            Low >= High ? $"the lowest value {Low} is not below the highest, {High}"
            : Low < -(1L << 53) || High > 1L << 53 ? "whole numbers go up to 2^53"
            : Step < 1 ? $"the step is at least 1, not {Step}"
            : Log && Low < 1 ? $"a logarithm needs a lowest value of at least 1, not {Low}"
            : Log && Step != 1 ? "log and step exclude each other" : null;
    }

    /// <summary>low, low + step, ... up to high, as numbers of 12 significant digits.</summary>
    public sealed record Quantized(double Low, double High, double Step) : ParameterDomain
    {
        // A hundred-millionth of a step forgives what binary fractions lose: [0, 0.3, 0.1] has four values.
        [JsonIgnore]
        public override long? GridPoints => (long)Math.Floor(((High - Low) / Step) + 1e-8) + 1;

        public override ParameterValue FromUnit(double unit) => GridPoint(IndexOf(unit, GridPoints!.Value));

        public override ParameterValue GridPoint(long index) => ParameterValue.Of(Exact.Round(Low + (index * Step)));

        public override bool Contains(ParameterValue value)
        {
            if (value.AsNumber() is not { } number)
            {
                return false;
            }

            var index = (long)Math.Round((number - Low) / Step);
            return index >= 0 && index < GridPoints && GridPoint(index) == value;
        }

        internal override string? Fault() =>
            RangeFault(Low, High)
            ?? (!double.IsFinite(Step) || Step <= 0 ? $"the step is above 0, not {Step}"
            : GridPoints < 2 ? $"the step {Step} is wider than the range"
            : (High - Low) / Step > 1e12 ? $"the step {Step} is too small for the range" : null);
    }

    /// <summary>One of the values, all equally likely; duplicates are refused.</summary>
    public sealed record Choice(IReadOnlyList<ParameterValue> Options) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => Options.Count;

        public override ParameterValue FromUnit(double unit) => GridPoint(IndexOf(unit, Options.Count));

        public override ParameterValue GridPoint(long index) => Options[(int)index];

        public override bool Contains(ParameterValue value) => Options.Contains(value);

        internal override string? Fault() =>
            Options.Count == 0 ? "a choice needs at least one value"
            : Options.GroupBy(value => value).FirstOrDefault(group => group.Count() > 1) is { } twice ? $"{twice.Key.Json} is there twice" : null;
    }

    public sealed record Constant(ParameterValue Value) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => 1;

        public override ParameterValue FromUnit(double unit) => Value;

        public override ParameterValue GridPoint(long index) => Value;

        public override bool Contains(ParameterValue value) => value == Value;

        internal override string? Fault() => null;
    }

    private static long IndexOf(double unit, long count) => Math.Min((long)(unit * count), count - 1);

    /// <summary>The ends exactly, what lies between to 12 digits.</summary>
    private static double Ends(long index, double low, double high, int points, Func<double, double> at) =>
        index == 0 ? low : index == points - 1 ? high : Math.Clamp(Exact.Round(at((double)index / (points - 1))), low, high);

    private static string? RangeFault(double low, double high) =>
        !double.IsFinite(low) || !double.IsFinite(high) || !double.IsFinite(high - low) ? "the bounds are finite numbers"
        : low >= high ? $"the lowest value {low} is not below the highest, {high}" : null;

    private static string? PointsFault(int? points) => points < 1 ? $"points is at least 1, not {points}" : null;
}
