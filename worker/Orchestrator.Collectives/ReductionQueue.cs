using System.Runtime.ExceptionServices;

namespace Orchestrator.Collectives;

/// <summary>
/// Sums that were begun and are not complete. A thread of its own, there from the first on, runs them one after the other; whoever waits
/// for them lends a hand, so that the last one costs no change of threads.
/// </summary>
internal sealed class ReductionQueue(ReductionQueue.Run run) : IDisposable
{
    private readonly Queue<Entry> waiting = new();

    /// <summary>Held while a sum is taken out and run: so they keep their order whichever thread runs them.</summary>
    private readonly Lock running = new();
    private readonly object gate = new();
    private Thread? thread;
    private volatile Exception? failure;
    private volatile bool ended;
    private volatile int pending;

    public delegate void Run(in Reduction reduction);

    public void Add(in Reduction reduction, CollectiveBuffer partials, CollectiveBuffer total)
    {
        partials.Hold();
        total.Hold();
        lock (gate)
        {
            pending++;
            waiting.Enqueue(new Entry(reduction, partials, total));
            if (thread is null)
            {
                thread = new Thread(RunAll) { IsBackground = true, Name = "collective" };
                thread.Start();
            }

            Monitor.Pulse(gate);
        }
    }

    /// <summary>Returns once all are here; throws what the first one that failed threw, every time.</summary>
    public void Complete()
    {
        if (pending > 0)
        {
            while (RunNext())
            {
            }
        }

        if (failure is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }

    /// <summary>Those that still wait are given up. What runs must have been ended before.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            ended = true;
            Monitor.Pulse(gate);
        }

        thread?.Join();
        while (RunNext())
        {
        }
    }

    private void RunAll()
    {
        while (!ended)
        {
            lock (gate)
            {
                while (waiting.Count == 0 && !ended)
                {
                    Monitor.Wait(gate);
                }
            }

            RunNext();
        }
    }

    /// <returns>False where none was waiting and none was running.</returns>
    private bool RunNext()
    {
        lock (running)
        {
            Entry entry;
            lock (gate)
            {
                if (!waiting.TryDequeue(out entry))
                {
                    return false;
                }
            }

            try
            {
                if (failure is null)
                {
                    run(entry.Reduction);
                }
            }
            catch (Exception error)
            {
                failure = error;
            }
            finally
            {
                entry.Partials.Release();
                entry.Total.Release();
                Interlocked.Decrement(ref pending);
            }

            return true;
        }
    }

    private readonly record struct Entry(Reduction Reduction, CollectiveBuffer Partials, CollectiveBuffer Total);
}
