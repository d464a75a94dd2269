namespace Orchestrator.Coordinator.Sessions;

/// <summary>Who has a slot, from its placement until its trainer is known to be gone.</summary>
/// <param name="Task">Generation 0 while the placement is not journalled yet.</param>
/// <param name="Since">Timestamp of the last change.</param>
/// <param name="Stopping">It was told to end, or nothing is expected of it any more.</param>
/// <param name="ListedAt">Timestamp at which its agent last named it; of the assignment at first.</param>
internal readonly record struct SlotHold(TaskKey Task, long Since, long ListedAt, bool Stopping = false);
