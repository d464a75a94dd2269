using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Cli.Bench.Balance;

/// <summary>A control group whose processes get a share of one core and no more, of either version of the kernel's interface. Takes root.</summary>
internal sealed class CpuGroup : IDisposable
{
    private const string Mounted = "/sys/fs/cgroup";
    private const string Members = "cgroup.procs";

    /// <summary>Microseconds: so few that the share shows as slowness and not as pauses.</summary>
    private const int Period = 10_000;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private readonly string parent;
    private readonly string folder;

    private CpuGroup(string parent)
    {
        this.parent = parent;
        folder = Path.Combine(parent, string.Create(CultureInfo.InvariantCulture, $"orch-bench-{Environment.ProcessId}"));
        Directory.CreateDirectory(folder);
    }

    /// <exception cref="IOException">This machine does not allow it.</exception>
    public static CpuGroup Create(double cores)
    {
        try
        {
            var quota = ((int)(cores * Period)).ToString(CultureInfo.InvariantCulture);
            var period = Period.ToString(CultureInfo.InvariantCulture);
            if (File.Exists(Path.Combine(Mounted, "cpu", "cpu.cfs_quota_us")))
            {
                var group = new CpuGroup(Path.Combine(Mounted, "cpu"));
                group.Write("cpu.cfs_period_us", period);
                group.Write("cpu.cfs_quota_us", quota);
                return group;
            }

            File.WriteAllText(Path.Combine(Mounted, "cgroup.subtree_control"), "+cpu");
            var unified = new CpuGroup(Mounted);
            unified.Write("cpu.max", $"{quota} {period}");
            return unified;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"no control group can be made that bounds a processor's share: {refused.Message.TrimEnd('.')}; run this as root, where {Mounted} can be written", refused);
        }
    }

    /// <summary>Whatever it starts from now on is in it, too.</summary>
    public void Add(int pid) => Write(Members, pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>What is in it still goes on in the group above.</summary>
    public void Dispose()
    {
        // A process that has ended keeps its group busy until the kernel has put it away.
        for (var began = Stopwatch.GetTimestamp(); ; Thread.Sleep(20))
        {
            Vacate();
            try
            {
                Directory.Delete(folder);
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(began) < Longest)
            {
                // It is looked at again.
            }
        }
    }

    private void Vacate()
    {
        foreach (var pid in File.ReadAllLines(Path.Combine(folder, Members)))
        {
            try
            {
                File.WriteAllText(Path.Combine(parent, Members), pid);
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(folder, file), text);
}
