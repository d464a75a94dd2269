using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>
/// The generations that this trainer was told to begin; the newest counts. They come on the session's thread, the training thread asks for them, and one that is to be begun at once ends what the training
/// thread waits for.
/// </summary>
internal sealed class GenerationOrders
{
    private readonly Lock gate = new();
    private readonly ManualResetEventSlim changed = new();
    private BeginGeneration? newest;
    private (int Generation, Action End, bool Meets)? present;
    private bool ended;
    private bool abandoned;

    /// <summary>No generation is of any use to this trainer any more.</summary>
    public bool IsAbandoned
    {
        get
        {
            lock (gate)
            {
                return abandoned;
            }
        }
    }

    public void Add(BeginGeneration order)
    {
        Action? end = null;
        lock (gate)
        {
            if (newest is not null && newest.Generation >= order.Generation)
            {
                return;
            }

            newest = order;
            if (present is { } running && running.Generation < order.Generation && (running.Meets || !order.AtBoundary))
            {
                end = running.End;
            }

            changed.Set();
        }

        end?.Invoke();
    }

    /// <summary>No more will come.</summary>
    public void End()
    {
        lock (gate)
        {
            ended = true;
            changed.Set();
        }
    }

    /// <summary>Ends what runs, and whatever would begin.</summary>
    public void Abandon()
    {
        Action? end;
        lock (gate)
        {
            abandoned = true;
            end = present?.End;
            changed.Set();
        }

        end?.Invoke();
    }

    /// <summary>The newest beyond a generation; null where there is none yet.</summary>
    public BeginGeneration? After(int generation)
    {
        lock (gate)
        {
            return newest is { } order && order.Generation > generation ? order : null;
        }
    }

    /// <summary>Waits a while for one beyond a generation; null where none came.</summary>
    /// <exception cref="IOException">None will.</exception>
    public BeginGeneration? WaitAfter(int generation, TimeSpan patience)
    {
        if (After(generation) is { } here)
        {
            return here;
        }

        changed.Wait(patience);
        lock (gate)
        {
            changed.Reset();
            return newest is { } order && order.Generation > generation ? order
                : ended ? throw new IOException("The agent ended the session.")
                : null;
        }
    }

    /// <summary>
    /// While a generation's members meet: <paramref name="end"/> is called, from any thread, as soon as another is to be begun, at a boundary too: there is none before they have met, and who has heard of
    /// both goes to the later one and never comes.
    /// </summary>
    public void Meet(int generation, Action end) => Enter(generation, end, meets: true);

    /// <summary>While a generation runs: <paramref name="end"/> is called, from any thread, as soon as another is to be begun at once; perhaps before this returns.</summary>
    public void Run(int generation, Action end) => Enter(generation, end, meets: false);

    public void Leave()
    {
        lock (gate)
        {
            present = null;
        }
    }

    private void Enter(int generation, Action end, bool meets)
    {
        lock (gate)
        {
            present = (generation, end, meets);
            if (!abandoned && (newest is not { } order || order.Generation <= generation || (order.AtBoundary && !meets)))
            {
                return;
            }
        }

        end();
    }
}
