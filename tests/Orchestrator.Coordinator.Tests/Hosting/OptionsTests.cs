using Npgsql;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Hosting;

public sealed class OptionsTests
{
    private static CoordinatorOptions Good => new() { DataDirectory = "/tmp/nowhere" };

    [Fact]
    public void Defaults_are_valid_and_the_web_listener_takes_the_next_port()
    {
        Good.Validate();
        Assert.Equal("127.0.0.1:5080", Good.ListenAddress.ToString());
        Assert.Equal("127.0.0.1:5081", Good.WebAddress.ToString());
    }

    [Fact]
    public void A_listener_beyond_loopback_needs_a_token_file()
    {
        Refused(Good with { Listen = "0.0.0.0:5080" }, "--listen 0.0.0.0:5080", "--token-file");
        Refused(Good with { ListenWeb = "*:8080" }, "--listen-web 0.0.0.0:8080", "--token-file");
        Refused(Good with { Listen = "[::]:5080" }, "--listen [::]:5080", "--token-file");
        (Good with { Listen = "0.0.0.0:5080", TokenFile = "token" }).Validate();
        (Good with { Listen = "[::1]:5080" }).Validate();
    }

    [Theory]
    [InlineData("5080")]
    [InlineData(":5080")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:-1")]
    [InlineData("127.0.0.1:http")]
    public void What_is_no_address_is_refused(string listen) => Refused(Good with { Listen = listen }, "--listen", "HOST:PORT");

    [Fact]
    public void What_can_not_work_is_refused_with_the_mend()
    {
        Refused(Good with { Listen = "127.0.0.1:65535" }, "no port for the web listener", "--listen-web");
        Refused(Good with { ListenWeb = "127.0.0.1:5080" }, "same port", "its own");
        Refused(Good with { Workers = 2 }, "--workers", "--worker-assembly");
        Refused(Good with { Workers = 2, WorkerAssembly = "/nowhere/worker.dll" }, "/nowhere/worker.dll", "build it");
        Refused(Good with { Slots = 0 }, "--slots 0", "1 to 1024");
        Refused(Good with { Broker = "kafka://x" }, "--broker", "amqp://");
        Refused(Good with { Artifacts = "s3://bucket" }, "--artifacts", "folder");
        Refused(Good with { Database = "nonsense" }, "--database", "sqlite:PATH");
        Refused(Good with { OtlpEndpoint = "localhost:4317" }, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://");
    }

    [Fact]
    public void Databases_are_told_apart_and_shown_without_their_password()
    {
        Assert.Equal(new DatabaseAddress.Sqlite("/data/journal.db"), DatabaseAddress.Parse(null, "/data"));
        Assert.Equal(new DatabaseAddress.Sqlite("/else/where.db"), DatabaseAddress.Parse("sqlite:/else/where.db", "/data"));
        Assert.IsType<DatabaseAddress.PostgreSql>(DatabaseAddress.Parse("Host=db;Username=u;Password=secret;Database=d", "/data"));
        var uri = DatabaseAddress.Parse("postgresql://u:se%20cret@db:5433/d", "/data");
        var parts = new NpgsqlConnectionStringBuilder(Assert.IsType<DatabaseAddress.PostgreSql>(uri).ConnectionString);
        Assert.Equal(("db", 5433, "d", "u", "se cret"), (parts.Host, parts.Port, parts.Database, parts.Username, parts.Password));
        Assert.Equal("postgresql://db:5433/d", uri.Shown);
    }

    [Fact]
    public async Task The_command_line_becomes_options()
    {
        CoordinatorOptions? bound = null;
        string[] arguments =
        [
            "--listen", "127.0.0.1:0", "--listen-web", "127.0.0.1:7", "--data-dir", "/tmp/x", "--broker", "amqp://b/", "--database", "Host=h", "--artifacts", "/a",
            "--workers", "3", "--slots", "2", "--worker-assembly", "w.dll", "--token-file", "t",
        ];
        var exit = await CoordinatorCommand.RunAsync(arguments, options =>
        {
            bound = options;
            return Task.CompletedTask;
        });
        Assert.Equal(0, exit);
        Assert.Equal(
            new CoordinatorOptions
            {
                Listen = "127.0.0.1:0",
                ListenWeb = "127.0.0.1:7",
                DataDirectory = "/tmp/x",
                Broker = "amqp://b/",
                Database = "Host=h",
                Artifacts = "/a",
                Workers = 3,
                Slots = 2,
                WorkerAssembly = "w.dll",
                TokenFile = "t",
                OtlpEndpoint = bound!.OtlpEndpoint,
            },
            bound);
    }

    [Fact]
    public async Task What_keeps_it_from_starting_is_exit_code_2()
    {
        Assert.Equal(2, await CoordinatorCommand.RunAsync(["--no-such-option"], _ => Task.CompletedTask));
        Assert.Equal(2, await CoordinatorCommand.RunAsync(["--workers", "many"], _ => Task.CompletedTask));
        Assert.Equal(2, await CoordinatorCommand.RunAsync(["--listen", "0.0.0.0:0", "--data-dir", "/tmp/x"], CoordinatorHost.RunAsync));
    }

    [Fact]
    public void Tokens_are_one_long_line()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["short"], "abc");
        File.WriteAllText(folder["two"], "0123456789abcdef\n0123456789abcdef");
        Assert.Contains("no good token", Assert.Throws<StartupException>(() => AccessToken.Load(folder["short"])).Message, StringComparison.Ordinal);
        Assert.Contains("no good token", Assert.Throws<StartupException>(() => AccessToken.Load(folder["two"])).Message, StringComparison.Ordinal);
        Assert.Contains("can't be read", Assert.Throws<StartupException>(() => AccessToken.Load(folder["none"])).Message, StringComparison.Ordinal);
        var (file, token) = RunningCoordinator.NewToken(folder);
        Assert.True(AccessToken.Load(file).Accepts(token));
        Assert.False(AccessToken.Load(file).Accepts(token[..^1]));
        Assert.False(AccessToken.Load(file).Accepts(""));
    }

    private static void Refused(CoordinatorOptions options, params string[] says)
    {
        var line = Assert.Throws<StartupException>(options.Validate).Message;
        Assert.DoesNotContain('\n', line);
        Assert.All(says, said => Assert.Contains(said, line, StringComparison.Ordinal));
    }
}
