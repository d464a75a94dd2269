using Xunit;

namespace Orchestrator.Search.Tests;

public sealed class ImportanceTests
{
    private static readonly SearchSpace Space = new([new("x", new ParameterDomain.Uniform(0, 1)), new("y", new ParameterDomain.Uniform(0, 1)), new("z", new ParameterDomain.Uniform(0, 1))]);

    /// <summary>f = 3x + y: the variances are 9/12 and 1/12, so that x explains 0.9 and y 0.1.</summary>
    [Fact]
    public void The_shares_of_a_sum_are_those_of_its_terms_variances()
    {
        var importance = Of((x, y, _) => (3 * x) + y, 400);
        Assert.Equal("x", importance[0].Parameter);
        Assert.Equal(0.9, importance[0].Share, 0.06);
        Assert.Equal(0.1, importance.Single(of => of.Parameter == "y").Share, 0.06);
        Assert.InRange(importance.Single(of => of.Parameter == "z").Share, 0, 0.02);
    }

    /// <summary>f = (x - 1/2)(y - 1/2): neither explains anything alone.</summary>
    [Fact]
    public void What_is_in_combinations_is_no_parameters_own() =>
        Assert.All(Of((x, y, _) => (x - 0.5) * (y - 0.5), 600), importance => Assert.InRange(importance.Share, 0, 0.2));

    [Fact]
    public void Too_few_trials_and_equal_values_say_nothing()
    {
        Assert.Empty(Of((x, _, _) => x, 9));
        Assert.Empty(Of((_, _, _) => 1, 50));
    }

    private static IReadOnlyList<ParameterImportance> Of(Func<double, double, double, double> function, int trials) => ParameterImportance.Of(
        Space,
        [
            .. Enumerable.Range(0, trials).Select(number =>
            {
                var parameters = Space.Assign((parameter, place) => parameter.Domain.FromUnit(Draws.Unit(3, number, place)));
                double At(string name) => parameters[name].AsNumber()!.Value;
                return new ObservedTrial(number, parameters, ObservedState.Succeeded, [], function(At("x"), At("y"), At("z")));
            }),
        ],
        seed: 7);
}
