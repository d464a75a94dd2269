using System.Text.RegularExpressions;
using Google.Api;

namespace Orchestrator.Coordinator.Api.OpenApi;

/// <summary>Reads an http annotation: verb, path template, the template's variables.</summary>
internal static partial class HttpBinding
{
    /// <returns>The verb in lower case, and the template as it is written.</returns>
    public static (string Verb, string Template) Of(HttpRule rule) => rule.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => ("get", rule.Get),
        HttpRule.PatternOneofCase.Put => ("put", rule.Put),
        HttpRule.PatternOneofCase.Post => ("post", rule.Post),
        HttpRule.PatternOneofCase.Delete => ("delete", rule.Delete),
        HttpRule.PatternOneofCase.Patch => ("patch", rule.Patch),
        HttpRule.PatternOneofCase.Custom => (rule.Custom.Kind.ToLowerInvariant(), rule.Custom.Path),
        _ => throw new InvalidOperationException("An http annotation has no path."),
    };

    /// <summary>Variables of the template by their field's name: <c>/v1/sweeps/{id}:ask</c> has <c>id</c>.</summary>
    public static IReadOnlyList<string> Variables(string template) => [.. Variable.Matches(template).Select(match => match.Groups["name"].Value)];

    /// <summary>Without the patterns that a variable may have: <c>{path=**}</c> becomes <c>{path}</c>.</summary>
    public static string OpenApiPath(string template) => Variable.Replace(template, "{${name}}");

    [GeneratedRegex(@"\{(?<name>[a-z0-9_.]+)(=[^}]*)?\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Variable { get; }
}
