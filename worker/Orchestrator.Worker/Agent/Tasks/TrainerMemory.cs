using System.Globalization;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>How much memory a trainer has, looked at once a second: once the kernel has killed it nobody can ask it any more.</summary>
internal sealed class TrainerMemory
{
    private readonly int pid;
    private readonly Lock gate = new();
    private MemoryGroup group;
    private long before;
    private long recent;
    private long resident;

    public TrainerMemory(int pid)
    {
        this.pid = pid;
        group = MemoryGroup.Of(pid);
        before = recent = group.Kills;
    }

    /// <summary>What was killed earlier than two looks ago is not the cause of an exit now.</summary>
    public void Look()
    {
        lock (gate)
        {
            if (Resident() is not { } bytes)
            {
                return;
            }

            resident = bytes;
            var now = MemoryGroup.Of(pid);
            if (now.Name != group.Name)
            {
                // Somebody has moved it.
                group = now;
                recent = now.Kills;
            }

            (before, recent) = (recent, group.Kills);
        }
    }

    /// <summary>Says how much it had; null where the kernel has killed nothing for memory just now.</summary>
    public string? Verdict()
    {
        lock (gate)
        {
            if (group.Kills <= before)
            {
                return null;
            }

            var had = resident > 0 ? $"it had {ByteCount.Text(resident)} a moment before" : "it had just begun";
            return group.Limit is { } limit
                ? $"{had}, and its control group {group.Name} allows {ByteCount.Text(limit)}"
                : $"{had}, and this machine had no more";
        }
    }

    private long? Resident()
    {
        try
        {
            // size resident shared ..., in pages
            return long.Parse(File.ReadAllText($"/proc/{pid}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception gone) when (gone is IOException or IndexOutOfRangeException)
        {
            return null;
        }
    }
}
