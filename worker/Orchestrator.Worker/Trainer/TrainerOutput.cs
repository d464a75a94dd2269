namespace Orchestrator.Worker.Trainer;

/// <summary>What a trainer writes is the log of the run that it works for. Its agent reads that from pipes, and must know where one run's lines end.</summary>
internal static class TrainerOutput
{
    /// <summary>A line that no log has: end of transmission.</summary>
    public const string EndOfTask = "\u0004";

    public static void EndTask()
    {
        Console.Out.WriteLine(EndOfTask);
        Console.Error.WriteLine(EndOfTask);
    }
}
