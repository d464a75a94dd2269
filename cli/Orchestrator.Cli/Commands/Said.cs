using System.CommandLine;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Commands;

/// <summary>What commands answer when they are done, in both forms.</summary>
internal static class Said
{
    public static string IdJson(string id) => new JsonObject { ["id"] = id }.ToJsonString();

    public static int Done(Shell shell, ParseResult parsed, IMessage message, string text)
    {
        shell.Out.WriteLine(parsed.Json() ? ProtoJson.Text(message) : text);
        return ExitCode.Done;
    }

    public static int Deleted(Shell shell, ParseResult parsed, string kind, string id)
    {
        shell.Out.WriteLine(parsed.Json() ? IdJson(id) : $"{kind} {id} deleted");
        return ExitCode.Done;
    }

    /// <summary>A table, or a bare array.</summary>
    public static int Rows<T>(
        Shell shell, ParseResult parsed, IReadOnlyCollection<T> messages, IReadOnlyList<string> headings, Func<T, IReadOnlyList<string>> row)
        where T : IMessage
    {
        if (parsed.Json())
        {
            shell.Out.WriteLine(ProtoJson.Text(messages.Cast<IMessage>()));
        }
        else if (messages.Count == 0)
        {
            shell.Error.WriteLine("none");
        }
        else
        {
            Tables.Print(shell, headings, messages.Select(row));
        }

        return ExitCode.Done;
    }
}
