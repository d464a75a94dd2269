using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Orchestrator.Cli.Tests.Fakes;
using Orchestrator.Testing;

namespace Orchestrator.Cli.Tests;

public sealed class ErrorTests
{
    [Fact]
    public async Task A_mistake_in_a_file_is_one_line_with_place_field_and_mend_and_exits_with_2()
    {
        using var folder = new Folder();
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Refuse(StatusCode.InvalidArgument, new()
        {
            Code = "unknown-field",
            Message = "unknown field 'epoch'",
            Mend = "did you mean 'epochs'?",
            File = "sweep.yaml",
            Line = 7,
            Column = 3,
            Field = "training.epoch",
        });

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "submit", folder.Write("sweep.yaml", "name: a"));

        Assert.Equal(new(2, "", "error: sweep.yaml:7:3: training.epoch: unknown field 'epoch'; did you mean 'epochs'?\n"), cli);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, 2)]
    [InlineData(StatusCode.FailedPrecondition, 2)]
    [InlineData(StatusCode.AlreadyExists, 2)]
    [InlineData(StatusCode.Unauthenticated, 4)]
    [InlineData(StatusCode.PermissionDenied, 4)]
    [InlineData(StatusCode.Internal, 1)]
    [InlineData(StatusCode.Unavailable, 3)]
    public async Task A_refusal_has_the_exit_code_of_its_kind_and_one_line(StatusCode status, int code)
    {
        await using var coordinator = await FakeCoordinator.StartAsync();
        coordinator.Refusal = new(new Status(status, "because\nof this"));

        var cli = await Fakes.Cli.RunAsync(coordinator, "sweep", "show", "s-1");

        Assert.Equal(code, cli.Code);
        Assert.Empty(cli.Out);
        Assert.Equal(1, cli.Error.Count(c => c == '\n'));
        Assert.StartsWith("error: ", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sweep", "list")]
    [InlineData("sweep", "watch", "s-1")]
    [InlineData("run", "logs", "r-1")]
    [InlineData("run", "trace", "r-1")]
    [InlineData("worker", "list")]
    [InlineData("checkpoint", "fetch", "c-1", "-o", "/nonexistent-orch/x")]
    [InlineData("dataset", "add", "d", "/nonexistent")]
    [InlineData("down")]
    public async Task Without_a_coordinator_every_command_exits_with_3_and_names_the_address(params string[] args)
    {
        var endpoint = $"127.0.0.1:{FreePort.Next()}";

        var cli = await Fakes.Cli.RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = endpoint }, args);

        Assert.Equal(new(3, "", $"error: no coordinator at {endpoint}; start one with `orch up`, or name another with ORCH_ENDPOINT\n"), cli);
    }

    [Theory]
    [InlineData("somewhere:port")]
    [InlineData("ftp://host:1")]
    [InlineData("http://host:1/path")]
    public async Task An_endpoint_that_is_none_exits_with_2(string endpoint)
    {
        var cli = await Fakes.Cli.RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = endpoint }, "sweep", "list");

        Assert.Equal(new(2, "", $"error: ORCH_ENDPOINT is '{endpoint}': it must be HOST:PORT, such as 127.0.0.1:5080\n"), cli);
    }

    [Fact]
    public async Task The_token_travels_as_a_bearer()
    {
        await using var coordinator = await FakeCoordinator.StartAsync();

        await Fakes.Cli.RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = coordinator.Endpoint, ["ORCH_TOKEN"] = "secret\n" }, "sweep", "list");

        Assert.Equal("Bearer secret", coordinator.Calls.Single().Headers.GetValue("authorization"));
    }

    /// <summary>What another program answers to a greeting that it does not understand, and when, differs; the last is HTTP/2 that goes before it was used.</summary>
    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("\0\0\b\a\0\0\0\0\0\0\0\0\0\0\0\0\u0001")]
    [InlineData("\0\0\0\u0004\0\0\0\0\0\0\0\b\a\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public async Task Another_program_at_the_address_exits_with_3(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var serving = ServeAsync(done.Token);

        var cli = await Fakes.Cli.RunAsync(new Dictionary<string, string> { ["ORCH_ENDPOINT"] = listener.LocalEndpoint.ToString()! }, "sweep", "list");

        Assert.Equal(new(3, "", "error: who answers does not speak gRPC, or is just stopping; is ORCH_ENDPOINT the coordinator's web port, or another program's?\n"), cli);
        await done.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);

        async Task ServeAsync(CancellationToken cancellation)
        {
            while (true)
            {
                using var client = await listener.AcceptSocketAsync(cancellation);
                try
                {
                    await client.ReceiveAsync(new byte[1024], cancellation);
                    await client.SendAsync(Encoding.Latin1.GetBytes(answer), cancellation);
                    // Read on: to close with bytes unread would reset the connection, and the answer be lost.
                    while (await client.ReceiveAsync(new byte[1024], cancellation) > 0)
                    {
                    }
                }
                catch (SocketException)
                {
                    // Who does not understand the answer may hang up without reading it.
                }
            }
        }
    }
}
