using System.Globalization;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>How much memory a trainer has, looked at once a second: once the kernel has killed it nobody can ask it any more.</summary>
internal sealed class TrainerMemory
{
    /// <summary>A large process takes its time to go once it is killed; what was killed earlier than so many looks ago is not the cause of an exit now.</summary>
    private const int Remembered = 10;

    private readonly int pid;
    private readonly Lock gate = new();
    private readonly Queue<long> kills = new();
    private MemoryGroup group;
    private long resident;

    public TrainerMemory(int pid)
    {
        this.pid = pid;
        group = MemoryGroup.Of(pid);
        kills.Enqueue(group.Kills);
    }

    /// <summary>Once a second.</summary>
    public void Look()
    {
        lock (gate)
        {
            // One that has ended, and that nobody has collected yet, has none and is in no group.
            if (Resident() is not { } bytes || bytes == 0)
            {
                return;
            }

            resident = bytes;
            var now = MemoryGroup.Of(pid);
            if (now.Name != group.Name)
            {
                // Somebody has moved it.
                group = now;
                kills.Clear();
            }

            kills.Enqueue(group.Kills);
            if (kills.Count > Remembered)
            {
                kills.Dequeue();
            }
        }
    }

    /// <summary>Says how much it had; null where the kernel has killed nothing for memory just now.</summary>
    public string? Verdict()
    {
        lock (gate)
        {
            if (group.Kills <= kills.Peek())
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
