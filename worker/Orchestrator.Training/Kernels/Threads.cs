namespace Orchestrator.Training.Kernels;

/// <summary>Independent pieces of one operation, on as many threads as torch's own operations take.</summary>
internal static class Threads
{
    public static void For(int count, int threads, Action<int> piece)
    {
        if (threads == 1 || count == 1)
        {
            for (var index = 0; index < count; index++)
            {
                piece(index);
            }
        }
        else
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, piece);
        }
    }
}
