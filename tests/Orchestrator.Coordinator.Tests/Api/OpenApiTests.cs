using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;
using Orchestrator.Coordinator.Tests.Hosting;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Api;

public sealed class OpenApiTests
{
    [Fact]
    public async Task Every_annotated_method_of_every_service_is_in_the_document()
    {
        using var document = await DocumentAsync();
        var paths = document.RootElement.GetProperty("paths");
        var annotated = AnnotatedMethods().ToArray();
        Assert.True(annotated.Length > 20);
        foreach (var (method, rule) in annotated)
        {
            var (verb, path) = rule.PatternCase switch
            {
                HttpRule.PatternOneofCase.Get => ("get", rule.Get),
                HttpRule.PatternOneofCase.Post => ("post", rule.Post),
                HttpRule.PatternOneofCase.Delete => ("delete", rule.Delete),
                _ => throw new InvalidOperationException($"{method.FullName} has a verb that this test does not know."),
            };
            var operation = paths.GetProperty(path).GetProperty(verb);
            Assert.Equal(method.Name, operation.GetProperty("operationId").GetString());
            Assert.Equal(rule.Body.Length > 0, operation.TryGetProperty("requestBody", out _));
            var inPath = operation.GetProperty("parameters").EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == "path");
            Assert.Equal(
                Regex.Matches(path, @"\{(?<name>\w+)\}", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Select(match => match.Groups["name"].Value),
                inPath.Select(parameter => parameter.GetProperty("name").GetString()!));
        }

        Assert.Equal(annotated.Length, paths.EnumerateObject().Sum(path => path.Value.EnumerateObject().Count()));
    }

    [Fact]
    public async Task Every_reference_leads_to_a_schema()
    {
        using var document = await DocumentAsync();
        var schemas = document.RootElement.GetProperty("components").GetProperty("schemas");
        var references = Regex.Matches(document.RootElement.GetRawText(), "\"#/components/schemas/(?<name>\\w+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        Assert.NotEmpty(references);
        Assert.All(references, reference => Assert.True(schemas.TryGetProperty(reference.Groups["name"].Value, out _), reference.Value));
    }

    [Fact]
    public async Task Fields_have_the_types_that_the_json_has()
    {
        using var document = await DocumentAsync();
        var run = document.RootElement.GetProperty("components").GetProperty("schemas").GetProperty("Run").GetProperty("properties");
        Assert.Equal("int64", run.GetProperty("stepsLost").GetProperty("format").GetString());
        Assert.Equal("number", run.GetProperty("metrics").GetProperty("additionalProperties").GetProperty("type").GetString());
        Assert.Equal("#/components/schemas/RunWorker", run.GetProperty("workers").GetProperty("items").GetProperty("$ref").GetString());
    }

    private static async Task<JsonDocument> DocumentAsync()
    {
        await using var coordinator = await RunningCoordinator.StartAsync();
        return JsonDocument.Parse(await coordinator.Web.GetStringAsync(new Uri("/openapi.json", UriKind.Relative), TestContext.Current.CancellationToken));
    }

    private static IEnumerable<(MethodDescriptor Method, HttpRule Rule)> AnnotatedMethods() =>
        from type in typeof(ErrorsReflection).Assembly.GetTypes()
        where type.Name.EndsWith("Reflection", StringComparison.Ordinal)
        let file = type.GetProperty("Descriptor")?.GetValue(null) as FileDescriptor
        where file is not null
        from service in file.Services
        from method in service.Methods
        let rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http)
        where rule is not null
        select (method, rule);
}
