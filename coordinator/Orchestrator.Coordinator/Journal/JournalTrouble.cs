namespace Orchestrator.Coordinator.Journal;

/// <summary>Whether the journal can be written at present. It is told of once when it can't be, and once when it can again: everybody who wants to write meets the same trouble.</summary>
internal sealed class JournalTrouble
{
    private JournalException? current;

    /// <summary>Null while all is well, as far as the last write tells.</summary>
    public JournalException? Current => Volatile.Read(ref current);

    /// <summary>Called from the loop that commits: return quickly.</summary>
    public Action<JournalException?> Changed { get; set; } = static _ => { };

    public void Failed(JournalException trouble)
    {
        if (Interlocked.Exchange(ref current, trouble)?.Code != trouble.Code)
        {
            Changed(trouble);
        }
    }

    public void Worked()
    {
        if (Current is not null && Interlocked.Exchange(ref current, null) is not null)
        {
            Changed(null);
        }
    }
}
