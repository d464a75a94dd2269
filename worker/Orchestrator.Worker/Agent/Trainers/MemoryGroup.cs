using System.Globalization;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>The control group that bounds a process's memory, of either version of the kernel's interface; the whole machine where none is to be seen.</summary>
internal sealed class MemoryGroup
{
    private const string Mounted = "/sys/fs/cgroup";

    private readonly string kills;
    private readonly string limit;

    private MemoryGroup(string name, string kills, string limit) => (Name, this.kills, this.limit) = (name, kills, limit);

    /// <summary>For people; empty for the whole machine.</summary>
    public string Name { get; }

    /// <summary>How many processes the kernel has killed in it for want of memory.</summary>
    public long Kills => Field(kills, "oom_kill");

    /// <summary>Bytes; null where there is none, or none below what the machine has.</summary>
    public long? Limit => limit.Length > 0 && long.TryParse(Read(limit).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) && bytes < 1L << 60
        ? bytes
        : null;

    public static MemoryGroup Of(int pid)
    {
        foreach (var line in Read($"/proc/{pid}/cgroup"))
        {
            // hierarchy:controllers:path; the unified hierarchy has no controllers' names.
            if (line.Split(':', 3) is [_, var controllers, var path] && (controllers.Length == 0 || controllers.Split(',').Contains("memory")))
            {
                var folders = controllers.Length == 0 ? [Mounted, $"{Mounted}/unified"] : new[] { $"{Mounted}/memory" };
                foreach (var group in folders.Select(folder => folder + path.TrimEnd('/')).Concat(folders))
                {
                    // In a container the path may be the host's, and what is mounted the container's own.
                    var (kills, limit) = controllers.Length == 0 ? ("memory.events", "memory.max") : ("memory.oom_control", "memory.limit_in_bytes");
                    if (File.Exists(Path.Combine(group, kills)))
                    {
                        return new MemoryGroup(group, Path.Combine(group, kills), Path.Combine(group, limit));
                    }
                }
            }
        }

        return new MemoryGroup("", "/proc/vmstat", "");
    }

    private static long Field(string file, string name) => Read(file).Select(line => line.Split(' ')).Where(parts => parts.Length == 2 && parts[0] == name)
        .Select(parts => long.Parse(parts[1], CultureInfo.InvariantCulture)).FirstOrDefault();

    private static string[] Read(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
