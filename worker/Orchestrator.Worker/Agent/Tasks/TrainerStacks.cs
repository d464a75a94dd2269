using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>
/// What the threads of a process are doing, read from outside: it may be stopped, or stuck where it can't answer. Frames, managed ones by name, come from the runtime's own createdump; what each thread waits for in
/// the kernel comes from /proc, without it too.
/// </summary>
internal static class TrainerStacks
{
    /// <summary>Nobody reads more, and the run's log has other things to say.</summary>
    private const int MostLines = 400;

    /// <param name="patience">It takes a third of a second, where the machine has one to spare.</param>
    /// <returns>A line a thread and a line a frame, the main thread first.</returns>
    public static async Task<IReadOnlyList<string>> ReadAsync(int pid, string folder, TimeSpan patience)
    {
        var report = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"stacks-{pid}"));
        var frames = new Dictionary<int, IReadOnlyList<string>>();
        string? obstacle = null;
        try
        {
            Directory.CreateDirectory(folder);
            obstacle = await DumpAsync(pid, report, patience);
            frames = obstacle is null ? FramesOf(await File.ReadAllBytesAsync($"{report}.crashreport.json")) : frames;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or Win32Exception or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            obstacle = failure.Message;
        }

        var lines = Threads(pid).SelectMany(thread => frames.GetValueOrDefault(thread.Id, []).Select(frame => $"    at {frame}").Prepend($"  {thread.Text}")).ToList();
        if (obstacle is not null)
        {
            lines.Add($"  their frames can't be had: {obstacle}");
        }

        return lines.Count <= MostLines ? lines : [.. lines.Take(MostLines), string.Create(CultureInfo.InvariantCulture, $"  and {lines.Count - MostLines} lines more")];
    }

    /// <summary>By thread, innermost first, of those that have managed frames.</summary>
    internal static Dictionary<int, IReadOnlyList<string>> FramesOf(ReadOnlySpan<byte> report)
    {
        var reader = new Utf8JsonReader(report);
        using var document = JsonDocument.ParseValue(ref reader);
        var frames = new Dictionary<int, IReadOnlyList<string>>();
        foreach (var thread in document.RootElement.GetProperty("payload").GetProperty("threads").EnumerateArray())
        {
            if (thread.TryGetProperty("stack_frames", out var stack))
            {
                frames[Hexadecimal(thread.GetProperty("native_thread_id").GetString()!)] = [.. stack.EnumerateArray().Select(NameOf).OfType<string>()];
            }
        }

        return frames;
    }

    private static string? NameOf(JsonElement frame) =>
        frame.TryGetProperty("method_name", out var method) ? method.GetString()
        : frame.TryGetProperty("unmanaged_name", out var function) ? $"{(frame.TryGetProperty("native_module", out var module) ? module.GetString() : "")}!{function.GetString()}"
        : null;

    private static int Hexadecimal(string number) => int.Parse(number.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <returns>Why there is no report; null where there is one.</returns>
    private static async Task<string?> DumpAsync(int pid, string report, TimeSpan patience)
    {
        var start = new ProcessStartInfo(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "createdump"))
        {
            ArgumentList = { "--crashreportonly", "--name", report, pid.ToString(CultureInfo.InvariantCulture) },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var dump = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            var output = dump.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = await dump.StandardError.ReadToEndAsync(deadline.Token);
            await output;
            await dump.WaitForExitAsync(deadline.Token);
            return dump.ExitCode == 0 && File.Exists($"{report}.crashreport.json") ? null : $"createdump: {error.Trim().ReplaceLineEndings("; ")}";
        }
        catch (OperationCanceledException)
        {
            dump.Kill();
            return string.Create(CultureInfo.InvariantCulture, $"createdump took more than {patience.TotalSeconds:0} s");
        }
    }

    private static IReadOnlyList<(int Id, string Text)> Threads(int pid)
    {
        try
        {
            return [.. Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task"))
                .Select(task => (Id: int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), Folder: task))
                .OrderBy(task => task.Id)
                .Select(task => (task.Id, TextOf(task.Id, task.Folder)))];
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return [];
        }
    }

    private static string TextOf(int id, string folder)
    {
        var status = Read(folder, "status").Split('\n').FirstOrDefault(line => line.StartsWith("State:", StringComparison.Ordinal))?["State:".Length..].Trim() ?? "gone";
        var waits = Read(folder, "wchan") is { Length: > 1 } channel ? $" in {channel}" : "";
        var call = Read(folder, "syscall").Split(' ')[0] is { Length: > 0 } number && number != "running" ? $", system call {number}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"thread {id} ({Read(folder, "comm")}): {status}{waits}{call}");
    }

    private static string Read(string folder, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, name)).Trim();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
