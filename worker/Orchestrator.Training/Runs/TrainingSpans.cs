using System.Diagnostics;

namespace Orchestrator.Training;

/// <summary>The trainer's spans: every epoch; of the steps the first three of an epoch and then every hundredth, within a budget for the run.</summary>
public static class TrainingSpans
{
    public const string SourceName = "Orchestrator.Training";

    internal static ActivitySource Source { get; } = new(SourceName);
}

/// <summary>Which steps get spans of their own.</summary>
internal sealed class StepSampling(int budget = 500)
{
    private int left = budget;

    /// <summary>A <c>step</c> span, or null where this step is not sampled. Spans of its parts are to be made only where it is not null.</summary>
    public Activity? Begin(long step, int epoch, long stepOfEpoch)
    {
        if ((stepOfEpoch >= 3 && stepOfEpoch % 100 != 0) || left == 0)
        {
            return null;
        }

        var span = TrainingSpans.Source.StartActivity("step");
        if (span is not null)
        {
            left--;
            span.SetTag("step", step);
            span.SetTag("epoch", epoch);
        }

        return span;
    }
}
