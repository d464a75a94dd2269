using System.Globalization;

namespace Orchestrator.Search;

/// <summary>
/// What must hold between numeric parameters: <c>x + y &lt;= 1</c>, <c>width * depth &lt; 4096</c>. Two sides of numbers, names, + - * / and parentheses, and one
/// of &lt;= &lt; &gt;= &gt; between them. Where one of its parameters does not apply it holds. Sides are compared at 12 significant digits, so that 0.1 + 0.2 is 0.3.
/// </summary>
public sealed class SpaceConstraint
{
    private readonly Expression left;
    private readonly Expression right;
    private readonly string comparison;

    /// <exception cref="SearchSpaceException">bad-constraint: it can't be read.</exception>
    public SpaceConstraint(string text)
    {
        Text = text;
        var reader = new Reader(text);
        left = reader.Sum();
        comparison = reader.Comparison();
        right = reader.Sum();
        reader.End();
        Names = [.. reader.Names];
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>The parameters that it speaks of.</summary>
    public IReadOnlyCollection<string> Names { get; }

    public bool Holds(IReadOnlyDictionary<string, ParameterValue> values)
    {
        if (left.Of(values) is not { } a || right.Of(values) is not { } b)
        {
            return true;
        }

        if (!double.IsFinite(a) || !double.IsFinite(b))
        {
            return false;
        }

        (a, b) = (Exact.Round(a), Exact.Round(b));
        return comparison switch { "<=" => a <= b, "<" => a < b, ">=" => a >= b, _ => a > b };
    }

    private abstract record Expression
    {
        /// <summary>Null where a parameter does not apply.</summary>
        public abstract double? Of(IReadOnlyDictionary<string, ParameterValue> values);

        public sealed record Number(double Value) : Expression
        {
            public override double? Of(IReadOnlyDictionary<string, ParameterValue> values) => Value;
        }

        public sealed record Name(string Parameter) : Expression
        {
            public override double? Of(IReadOnlyDictionary<string, ParameterValue> values) =>
                values.TryGetValue(Parameter, out var value) ? value.AsNumber() : null;
        }

        public sealed record Operation(char Sign, Expression Left, Expression Right) : Expression
        {
            public override double? Of(IReadOnlyDictionary<string, ParameterValue> values)
            {
                var (a, b) = (Left.Of(values), Right.Of(values));
                return Sign switch { '+' => a + b, '-' => a - b, '*' => a * b, _ => a / b };
            }
        }
    }

    /// <summary>By recursive descent.</summary>
    private sealed class Reader(string text)
    {
        /// <summary>Deeper than anybody writes, and far from the stack's end.</summary>
        private const int MostDepth = 100;

        private int at;
        private int depth;

        public List<string> Names { get; } = [];

        public Expression Sum()
        {
            var sum = Product();
            while (Take("+-") is { } sign)
            {
                sum = new Expression.Operation(sign, sum, Product());
            }

            return sum;
        }

        public string Comparison()
        {
            if (Take("<>") is not { } sign)
            {
                throw Wrong("<=, <, >= or > is expected");
            }

            if (at < text.Length && text[at] == '=')
            {
                at++;
                return $"{sign}=";
            }

            return sign.ToString();
        }

        public void End()
        {
            Space();
            if (at < text.Length)
            {
                throw Wrong("the constraint should end");
            }

            if (Names.Count == 0)
            {
                throw Wrong("no parameter is named");
            }
        }

        private Expression Product()
        {
            var product = Factor();
            while (Take("*/") is { } sign)
            {
                product = new Expression.Operation(sign, product, Factor());
            }

            return product;
        }

        private Expression Factor()
        {
            if (++depth > MostDepth)
            {
                throw Wrong("it is nested too deeply");
            }

            var factor = Take("-(") switch
            {
                '-' => new Expression.Operation('-', new Expression.Number(0), Factor()),
                '(' => Parenthesis(),
                _ => Atom(),
            };
            depth--;
            return factor;
        }

        private Expression Parenthesis()
        {
            var inner = Sum();
            return Take(")") is null ? throw Wrong(") is expected") : inner;
        }

        private Expression Atom()
        {
            Space();
            var start = at;
            if (at < text.Length && (char.IsAsciiLetter(text[at]) || text[at] == '_'))
            {
                while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
                {
                    at++;
                }

                Names.Add(text[start..at]);
                return new Expression.Name(text[start..at]);
            }

            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is '.' or 'e' or 'E' || (text[at] is '-' or '+' && at > start && text[at - 1] is 'e' or 'E')))
            {
                at++;
            }

            return double.TryParse(text.AsSpan(start, at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? new Expression.Number(number)
                : throw Wrong("a number or a parameter's name is expected", start);
        }

        private char? Take(string signs)
        {
            Space();
            return at < text.Length && signs.Contains(text[at], StringComparison.Ordinal) ? text[at++] : null;
        }

        private void Space()
        {
            while (at < text.Length && text[at] == ' ')
            {
                at++;
            }
        }

        private SearchSpaceException Wrong(string what, int? where = null) => new(
            "bad-constraint", "", $"constraint '{text}': {what} at its character {Math.Min(where ?? at, text.Length) + 1}", "write one like: x + 2 * y <= 1");
    }
}
