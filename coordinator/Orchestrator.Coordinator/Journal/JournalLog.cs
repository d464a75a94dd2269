namespace Orchestrator.Coordinator.Journal;

/// <summary>Tells the operator of the journal's trouble, and of its end.</summary>
internal sealed partial class JournalLog(ILogger<JournalLog> logger)
{
    public void Tell(JournalException? trouble)
    {
        if (trouble is null)
        {
            LogWorks();
        }
        else
        {
            LogTrouble(trouble.Message, trouble.Mend);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Trouble} Nothing new is taken until it can be written; nothing is lost. {Mend}")]
    private partial void LogTrouble(string trouble, string mend);

    [LoggerMessage(Level = LogLevel.Information, Message = "The journal is written again")]
    private partial void LogWorks();
}
