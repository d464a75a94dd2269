namespace Orchestrator.Search;

/// <summary>What makes a list of parameters a space.</summary>
internal static class SpaceCheck
{
    /// <summary>The parameters with parents first.</summary>
    /// <exception cref="SearchSpaceException">The first fault in declared order.</exception>
    public static IReadOnlyList<Parameter> Order(IReadOnlyList<Parameter> parameters)
    {
        if (parameters.Count == 0)
        {
            throw new SearchSpaceException("empty-space", "", "the search space has no parameters", "declare at least one under parameters");
        }

        var byName = new Dictionary<string, Parameter>(StringComparer.Ordinal);
        foreach (var parameter in parameters)
        {
            if (!byName.TryAdd(parameter.Name, parameter))
            {
                throw Fault("duplicate-parameter", parameter, "is declared twice", "rename or remove one of them");
            }

            if (parameter.Domain.Fault() is { } fault)
            {
                throw Fault("bad-range", parameter, fault, "mend the bounds");
            }

            if (parameter.Prior?.Fault(parameter.Domain) is { } wrong)
            {
                throw Fault("bad-prior", parameter, wrong, parameter.Domain is ParameterDomain.Choice { Ordered: false } ? "prior: [3, 1]" : "prior: { at: VALUE, spread: 0.2 }");
            }
        }

        foreach (var parameter in parameters)
        {
            CheckConditions(parameter, byName);
        }

        return Sort(parameters);
    }

    /// <exception cref="SearchSpaceException">A constraint speaks of what is no numeric parameter.</exception>
    public static void CheckConstraints(IReadOnlyList<Parameter> parameters, IReadOnlyList<SpaceConstraint> constraints)
    {
        foreach (var constraint in constraints)
        {
            foreach (var name in constraint.Names)
            {
                if (parameters.FirstOrDefault(parameter => parameter.Name == name) is not { } named)
                {
                    throw new SearchSpaceException("bad-constraint", "", $"constraint '{constraint.Text}': '{name}' is no parameter",
                        $"name some of {string.Join(", ", parameters.Select(parameter => parameter.Name))}");
                }

                if (named.Domain.Bounds is null)
                {
                    throw new SearchSpaceException("bad-constraint", name, $"constraint '{constraint.Text}': '{name}' is not always a number", "use numeric parameters");
                }
            }
        }
    }

    private static void CheckConditions(Parameter parameter, Dictionary<string, Parameter> byName)
    {
        foreach (var condition in parameter.When)
        {
            if (!byName.TryGetValue(condition.Parent, out var parent))
            {
                throw Fault("unknown-parent", parameter, $"depends on '{condition.Parent}', which is no parameter",
                    $"name one of {string.Join(", ", byName.Keys.Where(name => name != parameter.Name))}");
            }

            if (condition.IsRange)
            {
                CheckRange(parameter, condition, parent);
                continue;
            }

            if (condition.Values.Count == 0)
            {
                throw Fault("bad-condition", parameter, $"depends on '{condition.Parent}' but names no value of it", "name at least one value");
            }

            if (condition.Values.FirstOrDefault(value => !parent.Domain.Contains(value)) is { } stranger)
            {
                throw Fault("bad-condition", parameter, $"depends on '{condition.Parent}' being {stranger.Json}, which it never is",
                    $"use values that '{condition.Parent}' can take");
            }
        }
    }

    private static void CheckRange(Parameter parameter, Condition condition, Parameter parent)
    {
        var (min, max) = (condition.Min ?? double.NegativeInfinity, condition.Max ?? double.PositiveInfinity);
        if (parent.Domain.Bounds is not var (low, high))
        {
            throw Fault("bad-condition", parameter, $"depends on a range of '{condition.Parent}', whose values are not all numbers", "name the values instead");
        }

        if (double.IsNaN(min) || double.IsNaN(max) || min > max || max < low || min > high)
        {
            throw Fault("bad-condition", parameter, $"depends on '{condition.Parent}' being in a range where it never is",
                $"'{condition.Parent}' goes from {low} to {high}");
        }
    }

    private static List<Parameter> Sort(IReadOnlyList<Parameter> parameters)
    {
        var sorted = new List<Parameter>(parameters.Count);
        var placed = new HashSet<string>(StringComparer.Ordinal);
        while (sorted.Count < parameters.Count)
        {
            var next = parameters.FirstOrDefault(parameter =>
                !placed.Contains(parameter.Name) && parameter.When.All(condition => placed.Contains(condition.Parent)));
            if (next is null)
            {
                var stuck = parameters.First(parameter => !placed.Contains(parameter.Name));
                throw Fault("condition-cycle", stuck, "depends on itself through its conditions", "break the cycle of when conditions");
            }

            sorted.Add(next);
            placed.Add(next.Name);
        }

        return sorted;
    }

    private static SearchSpaceException Fault(string code, Parameter parameter, string what, string mend) =>
        new(code, parameter.Name, $"parameter '{parameter.Name}': {what}", mend);
}
