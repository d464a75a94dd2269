using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Runs;

/// <summary>What trainers print, one file a run: time, rank, generation and text, separated by tabs. The last two files of at most 16 MiB each are kept.</summary>
internal sealed partial class RunLogs(DataDirectory directory, TimeProvider time, ILogger<RunLogs> logger) : BackgroundService
{
    private const long MostBytes = 16 << 20;
    private const int MostCharacters = 16 << 10;
    private const int MostWaiting = 4096;

    // The last lines of a run that has just ended may still be on their way.
    private const int MostQuiet = 2;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    private readonly Channel<(string Run, string Lines)> waiting =
        Channel.CreateBounded<(string, string)>(new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly string folder = directory["logs"];

    public void Append(TrainerLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        var task = new TaskKey(log.Run, log.Generation, log.Rank);
        var lines = new StringBuilder();
        for (var i = 0; i < log.Lines.Count; i++)
        {
            var nanoseconds = i < log.UnixNano.Count ? log.UnixNano[i] : 0;
            var at = nanoseconds > 0 ? DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100) : time.GetUtcNow();
            Add(lines, task, at, log.Lines[i]);
        }

        Append(log.Run, lines);
    }

    public void Append(TaskKey task, DateTimeOffset at, IEnumerable<string> texts)
    {
        var lines = new StringBuilder();
        foreach (var text in texts)
        {
            Add(lines, task, at, text);
        }

        Append(task.Run, lines);
    }

    public void Delete(string run)
    {
        File.Delete(FileOf(run));
        File.Delete(FileOf(run) + ".1");
    }

    /// <summary>What is there, oldest first; then, until <paramref name="ended"/> says so and nothing more comes, what is added.</summary>
    /// <param name="rank">Null for all ranks.</param>
    public async IAsyncEnumerable<LogLine> ReadAsync(
        string run, int? rank, Func<bool> ended, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var line in ReadFile(FileOf(run) + ".1", 0).Lines)
        {
            if (Parse(line) is { } entry && (rank is null || entry.Rank == rank))
            {
                yield return entry;
            }
        }

        var position = 0L;
        for (var quiet = 0; quiet <= MostQuiet;)
        {
            // Asked before reading: what was written before the end is then read after it.
            var over = ended();
            var (lines, next) = ReadFile(FileOf(run), position);
            foreach (var line in lines)
            {
                if (Parse(line) is { } entry && (rank is null || entry.Rank == rank))
                {
                    yield return entry;
                }
            }

            if (next != position)
            {
                position = next;
                continue;
            }

            // What has come may wait for a disk, or for this process.
            quiet = over && waiting.Reader.Count == 0 ? quiet + 1 : 0;
            if (quiet <= MostQuiet)
            {
                await Task.Delay(Poll, time, cancellationToken);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Directory.CreateDirectory(folder);
        var said = false;
        await foreach (var (run, lines) in waiting.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                Write(FileOf(run), lines);
                said = false;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                if (!said)
                {
                    LogFailed(run, exception.Message);
                }

                said = true;
            }
        }
    }

    private static void Add(StringBuilder lines, TaskKey task, DateTimeOffset at, string text)
    {
        var shown = text.Length > MostCharacters ? text[..MostCharacters] : text;
        lines.Append(at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)).Append('\t').Append(task.Rank).Append('\t').Append(task.Generation).Append('\t')
            .Append(shown.Replace('\r', ' ').Replace('\n', ' ')).Append('\n');
    }

    private static void Write(string file, string lines)
    {
        if (new FileInfo(file) is { Exists: true, Length: > MostBytes })
        {
            File.Move(file, file + ".1", overwrite: true);
        }

        File.AppendAllText(file, lines);
    }

    /// <summary>Whole lines after the position, at most a mebibyte of them. A file shorter than the position is a new one.</summary>
    private static (IReadOnlyList<string> Lines, long Next) ReadFile(string file, long position)
    {
        if (!File.Exists(file))
        {
            return ([], position);
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        position = stream.Length < position ? 0 : position;
        stream.Position = position;
        var buffer = new byte[(int)Math.Min(1 << 20, stream.Length - position)];
        var read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        var end = buffer.AsSpan(0, read).LastIndexOf((byte)'\n') + 1;
        return end == 0
            ? ([], position)
            : (Encoding.UTF8.GetString(buffer, 0, end - 1).Split('\n'), position + end);
    }

    private static LogLine? Parse(string line) =>
        line.Split('\t', 4) is [var at, var rank, var generation, var text] && int.TryParse(rank, out var r) && int.TryParse(generation, out var g)
            ? new LogLine { At = at, Rank = r, Generation = g, Text = text }
            : null;

    private void Append(string run, StringBuilder lines)
    {
        if (lines.Length > 0 && run.Length > 0 && run.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            waiting.Writer.TryWrite((run, lines.ToString()));
        }
    }

    private string FileOf(string run) => Path.Combine(folder, $"{run}.log");

    [LoggerMessage(Level = LogLevel.Warning, Message = "The log of run {Run} can't be written, and lines are lost: {Reason}")]
    private partial void LogFailed(string run, string reason);
}
