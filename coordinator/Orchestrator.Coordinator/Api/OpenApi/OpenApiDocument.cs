using System.Text.Json.Nodes;
using Google.Api;
using Google.Protobuf.Reflection;
using Orchestrator.V1;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Orchestrator.Coordinator.Api.OpenApi;

/// <summary>The OpenAPI 3.0.3 document of the REST side, made from the http annotations of the protos (https://cloud.google.com/endpoints/docs/grpc/transcoding).</summary>
internal static class OpenApiDocument
{
    /// <summary>Services for people; those between processes have no REST side.</summary>
    private static readonly ServiceDescriptor[] Services =
    [
        SweepService.Descriptor, RunService.Descriptor, WorkerService.Descriptor, CheckpointService.Descriptor, DatasetService.Descriptor, ClusterService.Descriptor,
    ];

    private static readonly Lazy<string> Written = new(() => Build(Services).ToJsonString());

    public static string Json => Written.Value;

    public static JsonObject Build(IEnumerable<ServiceDescriptor> services)
    {
        var schemas = new SchemaSet();
        var paths = new JsonObject();
        foreach (var method in services.SelectMany(service => service.Methods))
        {
            if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
            {
                continue;
            }

            foreach (var binding in rule.AdditionalBindings.Prepend(rule))
            {
                var (verb, template) = HttpBinding.Of(binding);
                var path = HttpBinding.OpenApiPath(template);
                var operations = paths[path] as JsonObject ?? [];
                operations[verb] = Operation(method, binding, template, schemas);
                paths[path] = operations;
            }
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.3",
            ["info"] = new JsonObject { ["title"] = "orchestrator", ["version"] = "v1", ["description"] = "Sweeps, runs, workers, checkpoints and datasets; the same methods as over gRPC." },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas.Build(),
                ["securitySchemes"] = new JsonObject { ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
            },
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }, new JsonObject()),
        };
    }

    private static JsonObject Operation(MethodDescriptor method, HttpRule binding, string template, SchemaSet schemas)
    {
        var operation = new JsonObject
        {
            ["operationId"] = method.Name,
            ["tags"] = new JsonArray(method.Service.Name),
            ["parameters"] = Parameters(method.InputType, binding, template, schemas),
        };
        if (Body(method.InputType, binding, template, schemas) is { } body)
        {
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(body) };
        }

        operation["responses"] = new JsonObject
        {
            ["200"] = new JsonObject
            {
                ["description"] = method.IsServerStreaming ? "One JSON object a line, as things happen." : "Done.",
                ["content"] = Content(schemas.Reference(method.OutputType)),
            },
            ["default"] = new JsonObject { ["description"] = "What is wrong, and the mend.", ["content"] = Content(schemas.Error()) },
        };
        return operation;
    }

    /// <summary>What stands in the path; and, where there is no body for the rest, simple fields in the query.</summary>
    private static JsonArray Parameters(MessageDescriptor input, HttpRule binding, string template, SchemaSet schemas)
    {
        var variables = HttpBinding.Variables(template);
        var parameters = new JsonArray();
        foreach (var variable in variables)
        {
            var field = input.FindFieldByName(variable) ?? throw new InvalidOperationException($"{template} names {variable}, which {input.Name} does not have.");
            parameters.Add(Parameter(field, "path", schemas));
        }

        if (binding.Body != "*")
        {
            foreach (var field in input.Fields.InDeclarationOrder().Where(field => !variables.Contains(field.Name) && field.Name != binding.Body && SchemaSet.IsSimple(field)))
            {
                parameters.Add(Parameter(field, "query", schemas));
            }
        }

        return parameters;
    }

    private static JsonObject Parameter(FieldDescriptor field, string place, SchemaSet schemas) => new()
    {
        ["name"] = place == "path" ? field.Name : field.JsonName,
        ["in"] = place,
        ["required"] = place == "path",
        ["schema"] = schemas.Field(field),
    };

    private static JsonObject? Body(MessageDescriptor input, HttpRule binding, string template, SchemaSet schemas) => binding.Body switch
    {
        "" => null,
        "*" when HttpBinding.Variables(template) is { Count: > 0 } variables => schemas.Inline(input, variables),
        "*" => schemas.Reference(input),
        var name => schemas.Field(input.FindFieldByName(name)),
    };

    private static JsonObject Content(JsonObject schema) => new() { ["application/json"] = new JsonObject { ["schema"] = schema } };
}
