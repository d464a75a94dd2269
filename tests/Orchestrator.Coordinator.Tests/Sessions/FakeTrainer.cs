namespace Orchestrator.Coordinator.Tests.Sessions;

/// <summary>Trainers that behave.</summary>
internal static class FakeTrainer
{
    /// <summary>Gets ready, waits for the word, tells every epoch beyond those that are known, and ends.</summary>
    /// <param name="between">Before each epoch.</param>
    public static async Task TrainAsync(FakeAgent agent, FakeTask task, int epochs, Func<int, Task>? between = null)
    {
        agent.Ready(task);
        if (task.Assign.EvaluateTest)
        {
            agent.End(task, 0);
            return;
        }

        var begin = await task.Begun;
        if (begin.Rank != 0)
        {
            agent.End(task, epochs);
            return;
        }

        var from = begin.KnownEpochs;
        for (var epoch = from + 1; epoch <= epochs; epoch++)
        {
            await (between?.Invoke(epoch) ?? Task.CompletedTask);
            if (task.Stopped.IsCompleted)
            {
                if (await task.Stopped)
                {
                    agent.End(task, epoch - 1, stopped: true);
                }

                return;
            }

            // The value is the run's and epoch's alone, whoever computes it.
            var accuracy = (uint)(HashOf(task.Key.Run) * 31 + epoch) % 1000 / 1000.0;
            agent.Epoch(task, epoch, accuracy);
            agent.Checkpoint(task, epoch, accuracy);
        }

        agent.End(task, epochs);
    }

    private static int HashOf(string text) => text.Aggregate(17, (hash, letter) => unchecked((hash * 31) + letter));
}
