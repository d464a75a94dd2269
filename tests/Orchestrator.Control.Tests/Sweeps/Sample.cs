using System.Collections.Immutable;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Builders of settings and commands, and a sweep under test with its log.</summary>
internal sealed class Sample
{
    public static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static readonly SearchSpace Space = new(
    [
        new("x", new ParameterDomain.Uniform(0, 1)),
        new("optimizer", new ParameterDomain.Choice([ParameterValue.Of("sgd"), ParameterValue.Of("adamw")])),
        new("momentum", new ParameterDomain.Uniform(0.5, 0.9), [new Condition("optimizer", [ParameterValue.Of("sgd")])]),
    ]);

    public static readonly Objective Accuracy = new("accuracy", Goal.Maximize);

    public SweepState State { get; private set; } = SweepState.Initial;

    public List<SweepEvent> Log { get; } = [];

    public static SweepSettings Settings(int trials = 4, int parallel = 2) => new(Space, "random", 7, trials, parallel, Accuracy);

    public static Sample Submitted(SweepSettings settings)
    {
        var sample = new Sample();
        sample.Do(new SweepCommand.Submit("s", settings, new Submission("s", "file", "s.yaml", [], new Dictionary<string, string>(), "hash", "", null), At));
        return sample;
    }

    public IReadOnlyList<SweepEvent> Do(SweepCommand command)
    {
        var events = SweepDecision.Decide(State, command);
        Log.AddRange(events);
        State = events.Aggregate(State, SweepEvolution.Apply);
        return events;
    }

    public void Report(int trial, int tick, double? accuracy, int attempt = 1) => Do(new SweepCommand.Report(trial, attempt, tick, Metrics(accuracy), At));

    public void Finish(int trial, int ticks, TrialStatus status = TrialStatus.Succeeded, string kind = "", string message = "", string checkpoint = "", int attempt = 1) =>
        Do(new SweepCommand.Finish(trial, attempt, new TrialEnd(status, kind, message, ticks, checkpoint, "", At)));

    /// <summary>Reports these values and succeeds.</summary>
    public void Run(int trial, params double?[] values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            Report(trial, i + 1, values[i]);
        }

        Finish(trial, values.Length);
    }

    public static ImmutableDictionary<string, double> Metrics(double? accuracy) => accuracy is { } value
        ? ImmutableDictionary<string, double>.Empty.Add("accuracy", value)
        : ImmutableDictionary<string, double>.Empty.Add("loss", 1);
}
