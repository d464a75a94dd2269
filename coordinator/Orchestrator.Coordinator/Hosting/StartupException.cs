namespace Orchestrator.Coordinator.Hosting;

/// <summary>Why the coordinator can't start, one line with the mend; it ends with exit code 2.</summary>
public sealed class StartupException(string message, string mend, Exception? inner = null)
    : Exception($"{message.TrimEnd('.')}; {char.ToLowerInvariant(mend[0])}{mend[1..].TrimEnd('.')}", inner)
{
}
