using System.Collections.Immutable;

namespace Orchestrator.Control.Sweeps;

/// <summary>What people and the run coordinator ask of a sweep. Each can come twice, and those about trials late and in any order.</summary>
public abstract record SweepCommand
{
    private SweepCommand()
    {
    }

    public sealed record Submit(string Id, SweepSettings Settings, Submission Submission, DateTimeOffset At) : SweepCommand;

    /// <summary>Somebody outside asks for a trial to work on.</summary>
    /// <param name="Ticket">By which the answer is found: the trial whose lease has it.</param>
    public sealed record Ask(string Ticket, string Worker, DateTimeOffset At) : SweepCommand;

    /// <summary>As many trials as this, instead of those planned so far; a sweep that has succeeded goes on.</summary>
    public sealed record Extend(int Trials, DateTimeOffset At) : SweepCommand;

    /// <summary>The time that the sweep may take is over.</summary>
    public sealed record TimeOut(DateTimeOffset At) : SweepCommand;

    /// <summary>The trial's run has started.</summary>
    public sealed record Start(int Trial, int Attempt, DateTimeOffset At) : SweepCommand;

    /// <summary>The trial's run has reported.</summary>
    /// <param name="Tick">From 1.</param>
    public sealed record Report(int Trial, int Attempt, int Tick, ImmutableDictionary<string, double> Metrics, DateTimeOffset At) : SweepCommand;

    /// <summary>The trial's run has ended.</summary>
    public sealed record Finish(int Trial, int Attempt, TrialEnd End) : SweepCommand;

    /// <summary>The test split was scored by the trial.</summary>
    public sealed record Score(int Trial, int Attempt, ImmutableDictionary<string, double> Metrics, DateTimeOffset At) : SweepCommand;

    /// <summary>Logical time stands still until it is resumed; trials under way go on.</summary>
    public sealed record Pause : SweepCommand;

    /// <summary>Goes on; trials that were lost get another attempt.</summary>
    public sealed record Resume(DateTimeOffset At) : SweepCommand;

    public sealed record Cancel(DateTimeOffset At) : SweepCommand;

    /// <summary>Everybody has been told of the end.</summary>
    public sealed record Settle : SweepCommand;

    public sealed record Delete : SweepCommand;
}

/// <summary>The sweep's state does not allow the command.</summary>
/// <param name="code">unknown-sweep, sweep-exists, sweep-ended, sweep-running, out-of-range</param>
public sealed class SweepRefusedException(string code, string message, string mend) : Exception(message)
{
    public string Code { get; } = code;

    /// <summary>What to do about it, one line.</summary>
    public string Mend { get; } = mend;
}
