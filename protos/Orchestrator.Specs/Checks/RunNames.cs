using Orchestrator.Specs.Reading;

namespace Orchestrator.Specs.Checks;

/// <summary>What a run or a sweep may be called.</summary>
internal static class RunNames
{
    public static void Check(string name, SpecNode.Map document)
    {
        if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || !char.IsAsciiLetterOrDigit(name[0]))
        {
            throw (document["name"]?.Place ?? document.Place.Child("name")).Error("out-of-range", $"'{name}' is not a name", "at most 64 letters, digits, '-', '_' and '.', a letter or digit first");
        }
    }
}
