using System.Diagnostics;
using Orchestrator.V1;
using Orchestrator.Worker.Stacks;
using Orchestrator.Worker.Tests.Cluster;

namespace Orchestrator.Worker.Tests;

/// <summary>What is said of threads that stand still.</summary>
public sealed class StacksTests
{
    [Theory]
    [InlineData("7 (.NET TP Worker) S 1 7", "futex_do_wait", "202 0x55f3 0x89", "thread 7 (.NET TP Worker): sleeping in futex_do_wait, system call futex")]
    [InlineData("7 (a) (b) T 1 7", "do_signal_stop", "9999 0x1", "thread 7 (a) (b): stopped in do_signal_stop, system call 9999")]
    [InlineData("7 (busy) R 1 7", "0", "running", "thread 7 (busy): running")]
    [InlineData("7 (faults) D 1 7", "0", "-1 0x1 0x2", "thread 7 (faults): waiting for a device")]
    [InlineData("7 (hidden) S 1 7", "", "", "thread 7 (hidden): sleeping")]
    [InlineData("", "", "", "thread 7 (?): gone")]
    public void A_thread_is_a_line(string stat, string channel, string call, string line) => Assert.Equal(line, ThreadStates.Describe(7, stat, channel, call));

    [Fact]
    public void The_main_thread_comes_first_and_who_has_ended_has_none()
    {
        Assert.StartsWith($"thread {Environment.ProcessId} (", ThreadStates.Of(Environment.ProcessId)[0], StringComparison.Ordinal);
        Assert.Empty(ThreadStates.Of(int.MaxValue));
    }

    [Fact]
    public async Task Whose_frames_can_not_be_had_is_said_in_one_line_with_the_reason()
    {
        using var native = Process.Start("sleep", "600");
        var lines = new List<string>();
        try
        {
            // A process that has just begun is not asleep yet.
            await Eventually.Holds(() => ThreadStates.Of(native.Id) is [var thread] && thread.Contains("(sleep): sleeping", StringComparison.Ordinal), () => string.Join('\n', ThreadStates.Of(native.Id)));
            await StacksReader.ReadAsync(native.Id, lines.Add, TestContext.Current.CancellationToken);
        }
        finally
        {
            native.Kill();
        }

        Assert.Equal(2, lines.Count);
        Assert.StartsWith($"  thread {native.Id} (sleep): sleeping", lines[0], StringComparison.Ordinal);
        Assert.Equal("  managed frames can't be had: its runtime has not started", lines[1]);
    }
}
