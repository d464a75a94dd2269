using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Orchestrator.Worker.Bench.Parts;

namespace Orchestrator.Worker.Bench;

/// <summary>A process that measures: it is told a line and answers a line. Its standard input ends with us, and it with that.</summary>
internal sealed class PartProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    private PartProcess(Process process)
    {
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>This program again, as a part of a benchmark.</summary>
    /// <param name="prefix">What starts it: a program and its first arguments; null: nothing.</param>
    public static async Task<PartProcess> StartAsync(PartOrder order, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, IReadOnlyList<string>? prefix = null)
    {
        // The program itself, or the dotnet host with the program's assembly.
        var program = Environment.ProcessPath!;
        string[] assembly = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(PartProcess).Assembly.Location] : [];
        string[] words = [.. prefix ?? [], program, .. assembly, "bench", PartCommand.Name];
        var part = Start(words[0], words[1..], environment);
        await part.TellAsync(JsonSerializer.Serialize(order), cancellationToken);
        return part;
    }

    public static PartProcess Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new PartProcess(Process.Start(start)!);
    }

    public async Task TellAsync(string line, CancellationToken cancellationToken)
    {
        await process.StandardInput.WriteLineAsync(line.AsMemory(), cancellationToken);
        await process.StandardInput.FlushAsync(cancellationToken);
    }

    /// <exception cref="CommandException">It has ended; the message is the last line that it said.</exception>
    public async Task<string> HearAsync(CancellationToken cancellationToken) => await process.StandardOutput.ReadLineAsync(cancellationToken)
        ?? throw new CommandException(ExitCode.Failed, $"a process of the benchmark ended: {(await errors).Trim().Split('\n')[^1]}");

    /// <summary>The most memory that it had resident so far, mapped files included.</summary>
    public long PeakBytes => File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/status"))
        .Where(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
        .Select(line => 1024 * long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
        .Single();

    /// <summary>Tells the count of a turn and hears its seconds.</summary>
    public async Task<double> MeasureAsync(string turn, CancellationToken cancellationToken) => (await MeasureStepsAsync(turn, cancellationToken))[0];

    /// <summary>The seconds of a turn, and after them what it said of each of its steps: a trainer those of the last shard's backward, then those of the sums.</summary>
    public async Task<double[]> MeasureStepsAsync(string turn, CancellationToken cancellationToken)
    {
        await TellAsync(turn, cancellationToken);
        return [.. (await HearAsync(cancellationToken)).Split(' ').Select(seconds => double.Parse(seconds, CultureInfo.InvariantCulture))];
    }

    /// <summary>One turn on all at once; the slowest one's seconds.</summary>
    public static async Task<double> MeasureAsync(IEnumerable<PartProcess> parts, string turn, CancellationToken cancellationToken) =>
        (await Task.WhenAll(parts.Select(part => part.MeasureAsync(turn, cancellationToken)))).Max();

    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
