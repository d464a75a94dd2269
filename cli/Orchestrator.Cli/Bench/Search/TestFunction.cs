using Orchestrator.Search;

namespace Orchestrator.Cli.Bench.Search;

/// <summary>A function with a known least value that samplers are measured on. <c>optuna_search.py</c> beside this file has the same ones.</summary>
/// <param name="Least">Its least value.</param>
/// <param name="Typical">About the median of points drawn at random: regret is given as a share of the way from there to the least.</param>
/// <param name="Of">The true value at a point.</param>
/// <param name="Noise">Standard deviation of what a trial sees around the true value.</param>
internal sealed record TestFunction(
    string Name, SearchSpace Space, double Least, double Typical, Func<ParameterAssignment, double> Of, double Noise = 0)
{
    public static IReadOnlyList<TestFunction> All { get; } =
    [
        new("branin", Box(("x", -5, 10), ("y", 0, 15)), 0.397887, 38, a => Branin(a["x"].AsNumber()!.Value, a["y"].AsNumber()!.Value)),
        new("hartmann6", Cube(6, 0, 1), -3.32237, -0.1, a => Hartmann6(Vector(a))),
        new("rosenbrock5", Cube(5, -2, 2), 0, 1500, a => Rosenbrock(Vector(a))),
        new("ackley10", Cube(10, -32.768, 32.768), 0, 21.2, a => Ackley(Vector(a))),
        new("mixed", MixedSpace, 0, 2.85, Mixed),
        new("ellipsoid8", Cube(8, -5, 5), 0, 6.2e6, a => Ellipsoid(Vector(a))),
        new("rastrigin5", Cube(5, -5.12, 5.12), 0, 98, a => Rastrigin(Vector(a))),
        new("levy8", Cube(8, -10, 10), 0, 88, a => Levy(Vector(a))),
        new("plateau6", Cube(6, -5, 5), 0, 54, a => Plateau(Vector(a))),
        new("noisy6", Cube(6, 0, 1), -3.32237, -0.1, a => Hartmann6(Vector(a)), Noise: 0.2),
        new("layers", LayersSpace, 0.02, 0.73, Layers),
        new("categories", CategoriesSpace, 0, 2.6, Categories),
    ];

    /// <summary>What the trial reports of the point: the true value and the noise of that seed and trial.</summary>
    public double Observe(ParameterAssignment point, long seed, int trial)
    {
        var value = Of(point);
        if (Noise > 0)
        {
            var u = Math.Max(Draws.Unit(seed, trial, 1_000_003), 1e-12);
            value += Noise * Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * Draws.Unit(seed, trial, 1_000_004));
        }

        return value;
    }

    /// <summary>0 at the least value, 1 at the typical one of random points.</summary>
    public double Regret(double value) => Math.Max(0, value - Least) / (Typical - Least);

    private static SearchSpace Box(params (string Name, double Low, double High)[] ranges) =>
        new([.. ranges.Select(range => new Parameter(range.Name, new ParameterDomain.Uniform(range.Low, range.High)))]);

    private static SearchSpace Cube(int dimensions, double low, double high) =>
        Box([.. Enumerable.Range(0, dimensions).Select(i => ($"x{i}", low, high))]);

    private static double[] Vector(ParameterAssignment point) => [.. point.Values.Select(value => value.AsNumber()!.Value)];

    private static double Branin(double x, double y) =>
        Square(y - (5.1 / (4 * Math.PI * Math.PI) * x * x) + (5 / Math.PI * x) - 6) + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x)) + 10;

    private static double Hartmann6(double[] x)
    {
        double[] alpha = [1.0, 1.2, 3.0, 3.2];
        double[][] a = [[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]];
        double[][] p =
        [
            [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381],
        ];
        return -Enumerable.Range(0, 4).Sum(i => alpha[i] * Math.Exp(-Enumerable.Range(0, 6).Sum(j => a[i][j] * Square(x[j] - (p[i][j] * 1e-4)))));
    }

    private static double Rosenbrock(double[] x) =>
        Enumerable.Range(0, x.Length - 1).Sum(i => (100 * Square(x[i + 1] - (x[i] * x[i]))) + Square(1 - x[i]));

    private static double Ackley(double[] x) =>
        (-20 * Math.Exp(-.2 * Math.Sqrt(x.Sum(Square) / x.Length))) - Math.Exp(x.Sum(v => Math.Cos(2 * Math.PI * v)) / x.Length) + 20 + Math.E;

    /// <summary>BBOB's f10: axes of a millionfold different curvature, turned.</summary>
    private static double Ellipsoid(double[] x)
    {
        var turned = Turn(x, 0.7);
        return Enumerable.Range(0, x.Length).Sum(i => Math.Pow(10, 6.0 * i / (x.Length - 1)) * Square(turned[i]));
    }

    private static double Rastrigin(double[] x) => x.Sum(v => Square(v - 1.1) - (10 * Math.Cos(2 * Math.PI * (v - 1.1))) + 10);

    private static double Levy(double[] x)
    {
        var w = Array.ConvertAll(x, v => 1 + ((v - 1) / 4));
        return Square(Math.Sin(Math.PI * w[0]))
            + w[..^1].Sum(v => Square(v - 1) * (1 + (10 * Square(Math.Sin((Math.PI * v) + 1)))))
            + (Square(w[^1] - 1) * (1 + Square(Math.Sin(2 * Math.PI * w[^1]))));
    }

    /// <summary>A bowl of steps: flat wherever one looks closely.</summary>
    private static double Plateau(double[] x) => Enumerable.Range(0, x.Length).Sum(i => Square(Math.Floor(x[i] - 1.3 + (0.2 * i) + 0.5)));

    private static SearchSpace MixedSpace => new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("depth", new ParameterDomain.Integer(1, 8)),
        new("kind", Choice("sgd", "adam", "rms")),
        new("momentum", new ParameterDomain.Uniform(0, 1), [new Condition("kind", [ParameterValue.Of("sgd")])]),
    ]);

    /// <summary>A log scale, an integer, a category and a conditional parameter: the shape of a real sweep.</summary>
    private static double Mixed(ParameterAssignment a)
    {
        var (shift, height) = a["kind"].ToString() switch { "sgd" => (1.0, .3), "adam" => (3.0, 0.0), _ => (2.5, .1) };
        return Square(Math.Log10(a["lr"].AsNumber()!.Value) + shift) + (.1 * Square(a["depth"].AsNumber()!.Value - 5)) + height
            + (a.TryGetValue("momentum", out var momentum) ? 4 * Square(momentum.AsNumber()!.Value - .9) : 0);
    }

    private static SearchSpace LayersSpace => new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("layers", new ParameterDomain.Integer(1, 4)),
        .. Enumerable.Range(1, 4).Select(i => new Parameter(
            $"units{i}", new ParameterDomain.Integer(8, 512, Log: true), i == 1 ? [] : [new Condition("layers", [], Min: i)])),
        new("norm", Choice("none", "batch", "layer")),
        new("dropout", new ParameterDomain.Uniform(0, 0.8), [new Condition("norm", [ParameterValue.Of("none"), ParameterValue.Of("layer")])]),
    ]);

    /// <summary>Like a network of one to four layers, each with its width: three are best, each narrower than the one before.</summary>
    private static double Layers(ParameterAssignment a)
    {
        var layers = (int)a["layers"].AsNumber()!.Value;
        var loss = 0.02 + (0.15 * Square(layers - 3));
        for (var i = 1; i <= layers; i++)
        {
            loss += 0.04 * Square(Math.Log2(a[$"units{i}"].AsNumber()!.Value) - (8 - i)) / layers;
        }

        loss += 0.1 * Square(Math.Log10(a["lr"].AsNumber()!.Value) + 2.5 + (0.3 * layers) - 0.9);
        loss += a["norm"].ToString() switch { "none" => 0.2, "batch" => 0.05, _ => 0 };
        return loss + (a.TryGetValue("dropout", out var dropout) ? Square(dropout.AsNumber()!.Value - 0.2) : 0);
    }

    private static SearchSpace CategoriesSpace =>
        new([.. Enumerable.Range(0, 6).Select(i => new Parameter($"c{i}", Choice("a", "b", "c", "d", "e")))]);

    /// <summary>Categories only, each with an own share and one that it has with its neighbour.</summary>
    private static double Categories(ParameterAssignment a)
    {
        var c = a.Values.Select(value => value.ToString()[0] - 'a').ToArray();
        var loss = 0.0;
        for (var i = 0; i < c.Length; i++)
        {
            var off = (c[i] + (5 * 7) - ((i * 3) % 5)) % 5;
            loss += 0.15 * off;
            loss += off == 0 || i == 0 || c[i] == (c[i - 1] + 3) % 5 ? 0 : 0.25;
        }

        return loss;
    }

    private static ParameterDomain.Choice Choice(params string[] options) => new([.. options.Select(ParameterValue.Of)]);

    /// <summary>Turned in every plane of neighbouring axes.</summary>
    private static double[] Turn(double[] x, double angle)
    {
        var turned = x.ToArray();
        var (sine, cosine) = (Math.Sin(angle), Math.Cos(angle));
        for (var i = 0; i + 1 < turned.Length; i++)
        {
            (turned[i], turned[i + 1]) = ((cosine * turned[i]) - (sine * turned[i + 1]), (sine * turned[i]) + (cosine * turned[i + 1]));
        }

        return turned;
    }

    private static double Square(double x) => x * x;
}
