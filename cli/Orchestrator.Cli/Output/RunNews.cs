using Orchestrator.V1;

namespace Orchestrator.Cli.Output;

/// <summary>What changed in a run since it was last told of, a line each.</summary>
internal sealed class RunNews(TextWriter writer)
{
    private int _epochs;

    private int _failures;

    private (string State, int Generation) _at = ("", 0);

    public void Tell(Run run)
    {
        foreach (var failure in run.Failures.Skip(_failures))
        {
            writer.WriteLine($"failure: {failure.Kind}, {failure.Worker}: {failure.Message}");
        }

        foreach (var epoch in run.History.Where(epoch => epoch.Epoch > _epochs))
        {
            writer.WriteLine(RunText.Epoch(epoch).TrimStart());
        }

        _failures = run.Failures.Count;
        _epochs = Math.Max(_epochs, run.History.Select(epoch => epoch.Epoch).DefaultIfEmpty().Max());
        if (_at != (run.State, run.Generation))
        {
            _at = (run.State, run.Generation);
            writer.WriteLine(RunText.Headline(run));
        }
    }
}
