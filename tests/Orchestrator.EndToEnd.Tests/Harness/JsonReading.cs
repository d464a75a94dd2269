using System.Text.Json;

namespace Orchestrator.EndToEnd.Tests.Harness;

internal static class JsonReading
{
    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static int Number(this JsonElement element, string name) => element.GetProperty(name).GetInt32();

    public static JsonElement[] Items(this JsonElement element, string name) => [.. element.GetProperty(name).EnumerateArray()];

    /// <summary>The names of an object's fields.</summary>
    public static string[] Names(this JsonElement element) => [.. element.EnumerateObject().Select(property => property.Name)];
}
