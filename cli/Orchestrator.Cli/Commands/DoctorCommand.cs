using System.CommandLine;
using System.Text.Json.Nodes;
using Orchestrator.Cli.Doctor;
using Orchestrator.Cli.Output;
using Orchestrator.Cli.Terminal;
using Orchestrator.Cli.Wire;
using static Orchestrator.Cli.Terminal.CommandSyntax;

namespace Orchestrator.Cli.Commands;

/// <summary><c>orch doctor</c>: looks at the machine and says the mends.</summary>
internal static class DoctorCommand
{
    public static Command Build(Shell shell) => new Command("doctor", "Checks this machine, and says the mend for what is wrong")
        .With(
            Option("--broker", "can this broker be reached? amqp://user:password@host/vhost"),
            Option("--database", "can this database be reached? a PostgreSQL connection string"),
            Option("--data-dir", "can this data directory be written?"))
        .WithOutput()
        .Does((parsed, cancellation) => RunAsync(shell, parsed, cancellation));

    private static async Task<int> RunAsync(Shell shell, ParseResult parsed, CancellationToken cancellation)
    {
        var checks = new List<Check>();
        await foreach (var check in ChecksAsync(shell, parsed, cancellation))
        {
            checks.Add(check);
            if (!parsed.Json())
            {
                shell.Out.WriteLine($"{check.Status,-4}  {check.Name}: {check.Detail}{(check.Mend.Length > 0 ? $"; {check.Mend}" : "")}");
            }
        }

        if (parsed.Json())
        {
            shell.Out.WriteLine(new JsonArray([.. checks.Select(check => (JsonNode)check.ToJson())]).ToJsonString(JsonText.Indented));
        }

        return checks.Any(check => check.Status == "fail") ? ExitCode.Failed : ExitCode.Done;
    }

    private static async IAsyncEnumerable<Check> ChecksAsync(
        Shell shell, ParseResult parsed, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return MachineChecks.DotNet();
        yield return MachineChecks.OperatingSystemAndProcessor();
        yield return MachineChecks.StandardLibrary();
        yield return await ProgramChecks.TorchAsync(shell, cancellation);
        yield return MachineChecks.SharedMemory();
        yield return MachineChecks.DataFolder(shell, parsed.Maybe("--data-dir"));
        yield return await ProgramChecks.GpuAsync(cancellation);
        var (cluster, coordinator) = await ServerChecks.CoordinatorAsync(shell, cancellation);
        yield return coordinator;
        yield return MachineChecks.Ports(Address.Of(shell), answers: cluster is not null);
        if (cluster is not null)
        {
            yield return ServerChecks.DeadLetters(cluster);
        }

        if (parsed.Maybe("--broker") is { } broker)
        {
            yield return await ServerChecks.BrokerAsync(broker, cancellation);
        }

        if (parsed.Maybe("--database") is { } database)
        {
            yield return await ServerChecks.DatabaseAsync(database, cancellation);
        }
    }
}
