using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Orchestrator.Specs.Binding;

namespace Orchestrator.Specs;

/// <summary>
/// One training run, resolved: no references, every default filled in. Its JSON form travels to the trainers; with the dataset's manifest it alone
/// decides the bits.
/// </summary>
public sealed record RunSpec
{
    [Field("What lists call it; letters, digits, '-', '_' and '.'.", Required = true)]
    public string Name { get; init; } = "";

    /// <summary>A built-in family (<c>image-classifier</c>); empty where <see cref="Package"/> names an assembly.</summary>
    [Field("The model family. Built in: image-classifier; or command, for any program. Left out where `package` names an assembly of your own.")]
    public string Workload { get; init; } = "";

    /// <summary>A user's assembly; null for a built-in family.</summary>
    [Field("The path of an assembly with a workload of your own, instead of `workload`.")]
    public PackageSpec? Package { get; init; }

    /// <summary>Without a name where the workload is a command.</summary>
    [Field("The dataset's name, or a mapping with its split seed; needed but for `workload: command`.")]
    public DatasetSpec Dataset { get; init; } = new();

    /// <summary>Null but for <c>workload: command</c>.</summary>
    [Field("workload: command: the program and its arguments. It prints its metrics as JSON objects, one a line for each epoch.")]
    public IReadOnlyList<string>? Command { get; init; }

    [Field("workload: command: variables of its environment.")]
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    [Field("workload: command: where it is started; the file's own folder unless told.")]
    public string? WorkingDirectory { get; init; }

    [Field("workload: command: how long it may run in one go.", Notation = "duration")]
    public TimeSpan? Timeout { get; init; }

    [Field("Decides initial weights, data order, augmentation, dropout and the search.")]
    public long Seed { get; init; }

    /// <summary>The workload's own fields; it binds and checks them.</summary>
    [Field("The family's own fields.")]
    public JsonObject Model { get; init; } = [];

    [Field("How the model is trained.")]
    public TrainingSpec Training { get; init; } = new();

    [Field("Words of your own that lists can be filtered by.")]
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The workload that is a program of any kind.</summary>
    public const string CommandWorkload = "command";

    [JsonIgnore]
    public bool IsCommand => Workload == CommandWorkload;

    public string ToJson() => JsonSerializer.Serialize(this, SpecJson.Options);

    public static RunSpec FromJson(string json) =>
        JsonSerializer.Deserialize<RunSpec>(json, SpecJson.Options) ?? throw new JsonException("A run spec is a JSON object.");
}

/// <param name="Path">As written in the file.</param>
/// <param name="Sha256">Pinned at submit.</param>
public sealed record PackageSpec(string Path, string Sha256 = "");

[Shorthand(nameof(Name))]
public sealed record DatasetSpec
{
    [Field("As `dataset list` names it.", Required = true)]
    public string Name { get; init; } = "";

    /// <summary>Chooses the validation rows where the source has no split of its own.</summary>
    [Field("Chooses the validation rows, and the test rows where the source has none.")]
    public long SplitSeed { get; init; }
}

/// <summary>snake_case names, as in the file, in the order of declaration, nulls left out: equal specs have equal JSON.</summary>
public static class SpecJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };
}
