using Orchestrator.Specs.Binding;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>Takes the parameters that a file freezes out of training.</summary>
internal static class Freezing
{
    /// <param name="names">Of parameters, or of the modules that they belong to.</param>
    /// <exception cref="Specs.SpecException">A name that is neither.</exception>
    public static void Apply(nn.Module model, IReadOnlyList<string> names)
    {
        var parameters = model.named_parameters().ToArray();
        foreach (var name in names)
        {
            var meant = parameters.Where(parameter => parameter.name == name || parameter.name.StartsWith(name + ".", StringComparison.Ordinal)).ToArray();
            if (meant.Length == 0)
            {
                throw WorkloadContext.Mistake("unknown-value", "training.freeze", $"the model has no parameter or module '{name}'", Suggestion.For(name, [.. parameters.SelectMany(WithModules).Distinct(StringComparer.Ordinal)]));
            }

            foreach (var (_, parameter) in meant)
            {
                parameter.requires_grad = false;
            }
        }
    }

    /// <summary>0.conv.weight, 0.conv, 0</summary>
    private static IEnumerable<string> WithModules((string Name, TorchSharp.Modules.Parameter Parameter) parameter)
    {
        for (var name = parameter.Name; ; name = name[..name.LastIndexOf('.')])
        {
            yield return name;
            if (!name.Contains('.', StringComparison.Ordinal))
            {
                yield break;
            }
        }
    }
}
