using System.Globalization;

namespace Orchestrator.Worker.Tests.Cluster;

/// <summary>A control group of the kernel's with a limit on its memory, for a program and what it starts.</summary>
internal sealed class MemoryLimit : IDisposable
{
    private readonly string folder;

    private MemoryLimit(string folder) => this.folder = folder;

    public string Name => folder;

    /// <summary>Null where this machine lets nobody make one.</summary>
    public static MemoryLimit? TryMake(long bytes)
    {
        foreach (var (parent, limit) in Parents())
        {
            var group = Path.Combine(parent, "orchestrator-test-" + Path.GetRandomFileName());
            try
            {
                Directory.CreateDirectory(group);
                File.WriteAllText(Path.Combine(group, limit), bytes.ToString(CultureInfo.InvariantCulture));
                return new MemoryLimit(group);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                if (Directory.Exists(group))
                {
                    Directory.Delete(group);
                }
            }
        }

        return null;
    }

    /// <summary>The command line that runs a program in the group.</summary>
    public (string Program, string[] Arguments) Around(string program, IEnumerable<string> arguments) =>
        ("/bin/sh", ["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", folder, program, .. arguments]);

    public void Dispose()
    {
        // It goes once its last process has.
        for (var attempt = 0; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException) when (attempt < 1000)
            {
                Thread.Yield();
            }
        }
    }

    private static IEnumerable<(string Parent, string Limit)> Parents()
    {
        foreach (var line in File.ReadLines("/proc/self/cgroup").Select(line => line.Split(':', 3)))
        {
            if (line[1].Split(',').Contains("memory"))
            {
                yield return ("/sys/fs/cgroup/memory" + line[2], "memory.limit_in_bytes");
            }
            else if (line[1].Length == 0)
            {
                yield return ("/sys/fs/cgroup" + line[2].TrimEnd('/'), "memory.max");
            }
        }

        yield return ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
        yield return ("/sys/fs/cgroup", "memory.max");
    }
}
