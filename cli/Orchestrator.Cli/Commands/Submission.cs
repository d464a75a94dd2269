using System.CommandLine;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;

namespace Orchestrator.Cli.Commands;

/// <summary><c>sweep submit</c> and <c>run submit</c>: a file goes to the coordinator under the trace's root span, and is watched where that is asked for.</summary>
/// <param name="kind">sweep or run.</param>
/// <param name="send">Takes the file's text, its name and the overrides; gives the identifier, and what the file gives up.</param>
/// <param name="watch">Follows it to its end; gives the exit code.</param>
internal sealed class Submission(
    string kind,
    Func<Connection, string, string, IReadOnlyList<string>, CancellationToken, Task<(string Id, IReadOnlyList<string> Notes)>> send,
    Func<Connection, string, CancellationToken, Task<int>> watch)
{
    public async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var path = parsed.Text("FILE");
        var text = await SpecText.ReadAsync(path, cancellation);
        var overrides = SubmitOptions.Overrides(parsed);
        var span = SubmitSpan.Begin($"{kind} submit", TimeProvider.System);
        using var connection = Connection.Open(shell, span.TraceParent);
        var (id, notes) = await send(connection, text, path, overrides, cancellation);
        foreach (var note in notes)
        {
            shell.Error.WriteLine($"note: {note}");
        }

        await span.EndAsync(connection, $"orchestrator.{kind}", id, cancellation);
        if (!parsed.GetValue<bool>("--watch"))
        {
            shell.Out.WriteLine(parsed.Json() ? Said.IdJson(id) : $"{kind} {id} submitted; follow it with `orch {kind} watch {id}`");
            return ExitCode.Done;
        }

        using var untraced = Connection.Open(shell);
        return await watch(untraced, id, cancellation);
    }
}
