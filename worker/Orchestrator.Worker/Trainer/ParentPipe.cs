namespace Orchestrator.Worker.Trainer;

/// <summary>
/// Standard input is a pipe whose other end the agent alone holds, and never writes to: its end is the agent's end, kill -9 included. (A parent-death signal
/// fires when the parent's forking <em>thread</em> ends, which is a pool thread there.)
/// </summary>
internal static class ParentPipe
{
    private const int AgentGone = 70;

    public static void EndWithParent() => new Thread(WaitForEnd) { IsBackground = true, Name = "parent pipe" }.Start();

    private static void WaitForEnd()
    {
        using var pipe = Console.OpenStandardInput();
        var scratch = new byte[64];
        try
        {
            while (pipe.Read(scratch) > 0)
            {
            }
        }
        catch (IOException)
        {
            // As good as its end.
        }

        Native.ExitNow(AgentGone);
    }
}
