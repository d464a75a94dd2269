using System.Diagnostics;
using System.Globalization;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>
/// What tests let happen to a trainer at an exact place of its work. ORCH_INJECT, which a trainer inherits from its agent, lists faults with spaces between, each
/// <c>RUN:TRAINER:STEP:POINT:ACTION</c>: the run's name; the generation and rank that the trainer was started for (<c>1.0</c>), so that whoever takes its place is spared; the steps applied before; a <see cref="TrainingPoint"/>; and
/// <c>kill</c>, <c>freeze</c> or <c>delay=MILLISECONDS</c>. Each happens once, where the point is first reached at that step or later.
/// </summary>
internal sealed class InjectedFaults
{
    private const string Variable = "ORCH_INJECT";
    private const int Kill = 9;
    private const int Freeze = 19;

    private readonly List<Fault> faults;

    private InjectedFaults(List<Fault> faults) => this.faults = faults;

    public static InjectedFaults None { get; } = new([]);

    /// <param name="run">Its name in the file.</param>
    /// <exception cref="InvalidOperationException">The variable can't be read.</exception>
    public static InjectedFaults Of(string run, AssignTask trainer)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{trainer.Generation}.{trainer.Rank}");
        return new InjectedFaults([.. (Environment.GetEnvironmentVariable(Variable) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(Fault.Parse).Where(fault => fault.Run == run && fault.Trainer == name)]);
    }

    /// <summary>Does not return where a kill is due; returns late from a freeze or a delay.</summary>
    public void At(TrainingPoint point, long step)
    {
        if (faults.Count == 0 || faults.Find(fault => fault.Point == point && fault.Step <= step) is not { } due)
        {
            return;
        }

        faults.Remove(due);
        switch (due.Action)
        {
            case "kill":
                _ = Native.Signal(Environment.ProcessId, Kill);
                throw new UnreachableException();
            case "freeze":
                _ = Native.Signal(Environment.ProcessId, Freeze);
                break;
            default:
                Thread.Sleep(due.Milliseconds);
                break;
        }
    }

    private sealed record Fault(string Run, string Trainer, long Step, TrainingPoint Point, string Action, int Milliseconds)
    {
        private const string Delay = "delay=";

        public static Fault Parse(string text)
        {
            var parts = text.Split(':');
            return parts.Length == 5
                && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
                && Enum.TryParse<TrainingPoint>(parts[3], ignoreCase: true, out var point)
                && TryAction(parts[4], out var milliseconds)
                    ? new Fault(parts[0], parts[1], step, point, parts[4], milliseconds)
                    : throw new InvalidOperationException($"{Variable}: {text} is not RUN:TRAINER:STEP:POINT:ACTION, such as digits:1.0:9:forward:kill");
        }

        private static bool TryAction(string action, out int milliseconds)
        {
            milliseconds = 0;
            return action is "kill" or "freeze"
                || (action.StartsWith(Delay, StringComparison.Ordinal) && int.TryParse(action[Delay.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out milliseconds));
        }
    }
}
