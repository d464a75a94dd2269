using System.CommandLine;
using Grpc.Core;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using Orchestrator.V1;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch run logs</c>: as text, as an array, or with <c>-f</c> as an object a line.</summary>
internal static class RunLogs
{
    public static async Task<int> PrintAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var follow = parsed.GetValue<bool>("--follow");
        var request = new GetRunLogsRequest { Id = parsed.Text("ID"), Follow = follow };
        if (parsed.GetValue<int?>("--rank") is { } rank)
        {
            request.Rank = rank;
        }

        using var connection = Connection.Open(shell);
        using var call = connection.Runs.GetRunLogs(request, cancellationToken: cancellation);
        var lines = 0;
        try
        {
            await foreach (var line in call.ResponseStream.ReadAllAsync(cancellation))
            {
                shell.Out.WriteLine((parsed.Json(), follow) switch
                {
                    (false, _) => $"[{line.Generation}.{line.Rank}] {line.Text}",
                    (true, true) => ProtoJson.Line(line),
                    (true, false) => (lines == 0 ? "[\n  " : "  ") + ProtoJson.Line(line).Insert(0, lines == 0 ? "" : ","),
                });
                lines++;
            }
        }
        catch (RpcException exception) when (follow && Detach.Is(exception, cancellation))
        {
            return ExitCode.Done;
        }
        catch (RpcException exception) when (lines == 0 && exception.IsUnreachable())
        {
            throw CallHeaders.NoCoordinator(connection.Address);
        }

        if (parsed.Json() && !follow)
        {
            shell.Out.WriteLine(lines == 0 ? "[]" : "]");
        }

        return ExitCode.Done;
    }
}
