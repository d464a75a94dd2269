using System.Diagnostics;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>
/// The <c>orch</c> command in an environment of its own: home, temporary folder and a mark by which every process that comes of it is found again.
/// </summary>
internal sealed class Orch
{
    private const string Mark = "ORCH_END_TO_END";

    private readonly Dictionary<string, string> environment;
    private IReadOnlyList<string> place = [];

    /// <param name="folder">Home, temporary files and the working directory.</param>
    public Orch(string folder)
    {
        Folder = folder;
        Temporary = Directory.CreateDirectory(Path.Combine(folder, "tmp")).FullName;
        environment = new(StringComparer.Ordinal)
        {
            ["HOME"] = folder,
            ["XDG_DATA_HOME"] = Path.Combine(folder, "share"),
            ["TMPDIR"] = Temporary,
            [Mark] = folder,
        };
    }

    public string Folder { get; }

    /// <summary>TMPDIR of all that is started.</summary>
    public string Temporary { get; }

    /// <summary>Living processes that came of any command here.</summary>
    public IReadOnlyList<int> Processes => Harness.Processes.WithVariable(Mark, Folder);

    /// <summary>The same with a variable more; null unsets it.</summary>
    public Orch With(string variable, string? value)
    {
        var other = Within(place);
        if (value is null)
        {
            other.environment.Remove(variable);
        }
        else
        {
            other.environment[variable] = value;
        }

        return other;
    }

    /// <summary>The same elsewhere.</summary>
    /// <param name="prefix">What stands before a program and its arguments to start it there.</param>
    public Orch Within(IReadOnlyList<string> prefix)
    {
        var other = new Orch(Folder) { place = prefix };
        foreach (var (name, kept) in environment)
        {
            other.environment[name] = kept;
        }

        return other;
    }

    /// <summary>Runs a command to its end; a test's deadline ends it.</summary>
    public Task<Outcome> RunAsync(params string[] arguments) =>
        RunAsync($"orch {string.Join(' ', arguments)}", "dotnet", [Product.Command, .. arguments]);

    /// <summary>Runs a line as a person types it, in <see cref="Folder"/>.</summary>
    public Task<Outcome> TypeAsync(string line) => RunAsync(line, "/bin/bash", ["-c", line]);

    /// <summary>Runs a command with a file system of so many bytes at a folder, in a mount namespace of its own; what it leaves there is printed after its output.</summary>
    public Task<Outcome> RunOnSmallDiskAsync(string folder, string size, params string[] arguments)
    {
        const string Script = """mount -t tmpfs -o "size=$1" none "$0" || exit 99; folder=$0; shift; "$@"; code=$?; find "$folder" -mindepth 1; exit $code""";
        string[] asRoot = Environment.IsPrivilegedProcess ? [] : ["--user", "--map-root-user"];
        return RunAsync(
            $"orch {string.Join(' ', arguments)}, with {size} at {folder}",
            "unshare", [.. asRoot, "--mount", "/bin/sh", "-c", Script, folder, size, "dotnet", Product.Command, .. arguments]);
    }

    private async Task<Outcome> RunAsync(string line, string program, IEnumerable<string> arguments)
    {
        using var process = Launch(program, arguments);
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return new Outcome(line, process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>Runs a command with <c>--output json</c>.</summary>
    public Task<Outcome> JsonAsync(params string[] arguments) => RunAsync([.. arguments, "--output", "json"]);

    /// <summary>Starts a command that stays; its streams go to a file.</summary>
    public Staying Start(string log, params string[] arguments) =>
        new(Launch("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", log, "dotnet", Product.Command, .. arguments]), log);

    /// <summary>Ends every process that came of any command here.</summary>
    public void KillAll()
    {
        for (var left = Processes; left.Count > 0; left = Processes)
        {
            foreach (var pid in left)
            {
                Harness.Processes.Signal(pid, Harness.Processes.Kill);
            }

            Thread.Sleep(10);
        }
    }

    private Process Launch(string program, IEnumerable<string> arguments)
    {
        string[] words = [.. place, program, .. arguments];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        // What the machine or the developer has set must not decide a test.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("ORCH_", StringComparison.Ordinal) || name.StartsWith("OTEL_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
