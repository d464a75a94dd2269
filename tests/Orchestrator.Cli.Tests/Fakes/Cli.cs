using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Tests.Fakes;

/// <summary>Runs a command line as a person would, and keeps what it said.</summary>
internal sealed record Cli(int Code, string Out, string Error)
{
    public static Task<Cli> RunAsync(FakeCoordinator coordinator, params string[] args) =>
        RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = coordinator.Endpoint }, args);

    public static Task<Cli> RunAsync(Dictionary<string, string> environment, params string[] args) =>
        RunAsync(environment, TestContext.Current.CancellationToken, args);

    public static async Task<Cli> RunAsync(Dictionary<string, string> environment, CancellationToken cancellation, params string[] args)
    {
        await using var output = new StringWriter();
        await using var error = new StringWriter();
        // Never the data directory of whoever runs the tests.
        environment.TryAdd("XDG_DATA_HOME", "/nonexistent");
        var code = await App.RunAsync(args, new Shell(output, error, Interactive: false, name => environment.GetValueOrDefault(name)), cancellation);
        return new(code, output.ToString(), error.ToString());
    }
}
