using System.Text.Json.Nodes;

namespace Orchestrator.Cli.Doctor;

/// <summary>One thing that was looked at.</summary>
/// <param name="Status">ok, warn (works, but) or fail (something won't).</param>
/// <param name="Detail">What was seen.</param>
/// <param name="Mend">What to do; empty where all is well.</param>
public sealed record Check(string Name, string Status, string Detail, string Mend = "")
{
    public static Check Ok(string name, string detail) => new(name, "ok", detail);

    public static Check Warn(string name, string detail, string mend) => new(name, "warn", detail, mend);

    public static Check Fail(string name, string detail, string mend) => new(name, "fail", detail, mend);

    public JsonObject ToJson() => new() { ["check"] = Name, ["status"] = Status, ["detail"] = Detail, ["mend"] = Mend };
}
