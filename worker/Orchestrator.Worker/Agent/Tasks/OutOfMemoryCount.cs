using System.Globalization;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>How often the kernel has killed for memory in this control group, or on this machine where groups are not to be seen.</summary>
internal sealed class OutOfMemoryCount
{
    private readonly string? file;
    private readonly string field;
    private long before;
    private long recent;

    public OutOfMemoryCount()
    {
        (file, field) = Source();
        before = recent = Read();
    }

    /// <summary>Once a second: what is older than two of them is not the cause of an exit now.</summary>
    public void Tick()
    {
        before = recent;
        recent = Read();
    }

    /// <summary>Whether it grew within the last two seconds or so.</summary>
    public bool GrewNow() => Read() > Interlocked.Read(ref before);

    private static (string? File, string Field) Source()
    {
        var group = Path.Exists("/proc/self/cgroup") ? File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal))?[3..] : null;
        (string File, string Field)[] candidates =
        [
            ("/sys/fs/cgroup" + group?.TrimEnd('/') + "/memory.events", "oom_kill"),
            ("/sys/fs/cgroup/memory.events", "oom_kill"),
            ("/proc/vmstat", "oom_kill"),
        ];
        return candidates.Where(candidate => System.IO.File.Exists(candidate.File)).Select(candidate => ((string?)candidate.File, candidate.Field)).FirstOrDefault((null, ""));
    }

    private long Read()
    {
        try
        {
            return file is null
                ? 0
                : File.ReadLines(file).Select(line => line.Split(' ')).Where(parts => parts.Length == 2 && parts[0] == field)
                    .Select(parts => long.Parse(parts[1], CultureInfo.InvariantCulture)).FirstOrDefault();
        }
        catch (IOException)
        {
            return before;
        }
    }
}
