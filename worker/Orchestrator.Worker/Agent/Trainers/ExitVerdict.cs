using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>What a trainer's exit means when it said nothing before.</summary>
internal static class ExitVerdict
{
    private const int Signalled = 128;
    private const int Abort = 6;
    private const int Kill = 9;
    private const int Segfault = 11;
    private const int Terminate = 15;

    /// <param name="exitCode">128 + signal where one ended it.</param>
    /// <param name="memory">Where the kernel killed for want of memory just now: how much there was.</param>
    /// <param name="tail">The last lines of its standard error.</param>
    public static TaskFailed Of(int exitCode, string? memory, string tail) => exitCode switch
    {
        Signalled + Kill when memory is not null => Failed("out-of-memory", $"the kernel killed the trainer for want of memory: {memory}", tail),
        Signalled + Kill => Failed("lost", "the trainer was killed (SIGKILL)", tail),
        Signalled + Terminate => Failed("lost", "the trainer was ended (SIGTERM)", tail),
        Signalled + Segfault => Failed("lost", "the trainer crashed in native code (SIGSEGV)", tail),
        // A native allocation that nobody caught, or .NET's own, ends the process.
        Signalled + Abort when IsRefusal(tail) => Failed("out-of-memory", "the trainer aborted: an allocation was refused", tail),
        Signalled + Abort => Failed("lost", "the trainer aborted (SIGABRT)", tail),
        > Signalled and < Signalled + 65 => Failed("lost", $"the trainer ended by signal {exitCode - Signalled}", tail),
        // Whoever calls exit in mid-training does it again next time.
        _ => Failed("user", $"the trainer ended with exit code {exitCode} before its task did", tail),
    };

    private static bool IsRefusal(string tail) => tail.Contains("bad_alloc", StringComparison.Ordinal) || tail.Contains("Out of memory", StringComparison.OrdinalIgnoreCase);

    private static TaskFailed Failed(string kind, string message, string tail) => new() { Kind = kind, Message = message, Detail = tail, SuspectRank = -1 };
}
