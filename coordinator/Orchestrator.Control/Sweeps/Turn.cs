namespace Orchestrator.Control.Sweeps;

/// <summary>One decision in the making: the events so far and the state after them.</summary>
internal sealed class Turn(SweepState state)
{
    private readonly List<SweepEvent> events = [];

    public SweepState State { get; private set; } = state;

    public IReadOnlyList<SweepEvent> Events => events;

    public void Emit(SweepEvent happened)
    {
        events.Add(happened);
        State = SweepEvolution.Apply(State, happened);
    }

    public void End(SweepPhase phase, string message, DateTimeOffset at) =>
        Emit(new SweepEvent.Ended(phase, message, Ranking.Best(State, State.Settings!.Keep), at));
}
