using System.Globalization;
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

    /// <summary>Where in [0, 1] the value lies: <see cref="FromUnit"/> gives it back. The middle of its share where a share of [0, 1] means one value.</summary>
    /// <param name="value">One of the domain.</param>
    public abstract double ToUnit(ParameterValue value);

    /// <summary>How many values there are; null where there is no end of them.</summary>
    [JsonIgnore]
    public abstract long? Levels { get; }

    /// <summary>The number in [0, 1] from which on <see cref="FromUnit"/> gives the level with this index; 1 for the one after the last.</summary>
    public virtual double LevelEdge(long level) => (double)level / Levels!.Value;

    /// <summary>The index of the level that <see cref="FromUnit"/> gives.</summary>
    public virtual long LevelOf(double unit) => Math.Max(0, IndexOf(unit, Levels!.Value));

    /// <summary>The grid's value with this index, lowest first.</summary>
    public abstract ParameterValue GridPoint(long index);

    /// <summary>The lowest and highest value; null where some value is no number.</summary>
    [JsonIgnore]
    public abstract (double Low, double High)? Bounds { get; }

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

        [JsonIgnore]
        public override long? Levels => null;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => (Low, High);

        public override ParameterValue FromUnit(double unit) => ParameterValue.Of(Math.Clamp(Low + (unit * (High - Low)), Low, High));

        public override double ToUnit(ParameterValue value) => (value.AsNumber()!.Value - Low) / (High - Low);

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

        [JsonIgnore]
        public override long? Levels => null;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => (Low, High);

        public override ParameterValue FromUnit(double unit) => ParameterValue.Of(At(unit));

        public override double ToUnit(ParameterValue value)
        {
            var low = Exact.Log(Low);
            return Math.Clamp((Exact.Log(value.AsNumber()!.Value) - low) / (Exact.Log(High) - low), 0, 1);
        }

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

        [JsonIgnore]
        public override long? Levels => GridPoints;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => (Low, High);

        public override ParameterValue FromUnit(double unit) => GridPoint(LevelOf(unit));

        public override double ToUnit(ParameterValue value)
        {
            var level = (long.Parse(value.Json, CultureInfo.InvariantCulture) - Low) / Step;
            return Log ? Share(Low + level) : (level + 0.5) / Levels!.Value;
        }

        public override double LevelEdge(long level) => !Log ? base.LevelEdge(level) : level == Levels ? 1 : Share(Low + level - 0.5);

        public override long LevelOf(double unit)
        {
            if (!Log)
            {
                return base.LevelOf(unit);
            }

            var low = Exact.Log(Low - 0.5);
            var drawn = Exact.Round(Exact.Exp(low + (unit * (Exact.Log(High + 0.5) - low))));
            return Math.Clamp((long)Math.Round(drawn), Low, High) - Low;
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

        private double Share(double number)
        {
            var low = Exact.Log(Low - 0.5);
            return (Exact.Log(number) - low) / (Exact.Log(High + 0.5) - low);
        }
    }

    /// <summary>low, low + step, ... up to high, as numbers of 12 significant digits.</summary>
    public sealed record Quantized(double Low, double High, double Step) : ParameterDomain
    {
        // A hundred-millionth of a step forgives what binary fractions lose: [0, 0.3, 0.1] has four values.
        [JsonIgnore]
        public override long? GridPoints => (long)Math.Floor(((High - Low) / Step) + 1e-8) + 1;

        [JsonIgnore]
        public override long? Levels => GridPoints;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => (Low, High);

        public override ParameterValue FromUnit(double unit) => GridPoint(LevelOf(unit));

        public override double ToUnit(ParameterValue value) => (Math.Round((value.AsNumber()!.Value - Low) / Step) + 0.5) / Levels!.Value;

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
    /// <param name="Ordered">Neighbours in the list are alike: [small, medium, large].</param>
    public sealed record Choice(IReadOnlyList<ParameterValue> Options, bool Ordered = false) : ParameterDomain
    {
        [JsonIgnore]
        public override long? GridPoints => Options.Count;

        [JsonIgnore]
        public override long? Levels => Options.Count;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => Options.All(option => option.AsNumber() is not null)
            ? (Options.Min(option => option.AsNumber()!.Value), Options.Max(option => option.AsNumber()!.Value))
            : null;

        public override ParameterValue FromUnit(double unit) => GridPoint(LevelOf(unit));

        public override double ToUnit(ParameterValue value)
        {
            for (var i = 0; i < Options.Count; i++)
            {
                if (Options[i] == value)
                {
                    return (i + 0.5) / Options.Count;
                }
            }

            throw new ArgumentOutOfRangeException(nameof(value), value, "not one of the options");
        }

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

        [JsonIgnore]
        public override long? Levels => 1;

        [JsonIgnore]
        public override (double Low, double High)? Bounds => Value.AsNumber() is { } number ? (number, number) : null;

        public override ParameterValue FromUnit(double unit) => Value;

        public override double ToUnit(ParameterValue value) => 0.5;

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
