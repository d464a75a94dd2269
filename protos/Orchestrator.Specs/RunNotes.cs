namespace Orchestrator.Specs;

/// <summary>What a file gives up, for the person who submits it: a line each.</summary>
public static class RunNotes
{
    public static IReadOnlyList<string> Of(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Training.Hardware == TrainingSpec.NativeHardware
            ? ["training.hardware: native: faster, and the same bits on machines with the same kind of processor only; a run may not move to another kind"]
            : [];
    }
}
