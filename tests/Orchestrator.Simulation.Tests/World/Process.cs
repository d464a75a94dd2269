using System.Collections.Concurrent;

namespace Orchestrator.Simulation.Tests;

/// <summary>Something that runs on one thread, and can die or be frozen: what comes for a dead one is lost, what comes for a frozen one waits. The code in it awaits as it does anywhere.</summary>
internal sealed class Process(VirtualWorld world, string name) : SynchronizationContext
{
    private readonly Queue<Action> ready = new();
    private readonly BlockingCollection<Action> foreign = [];
    private readonly List<Action> last = [];
    private bool running;

    public string Name => name;

    public bool IsAlive { get; private set; } = true;

    public bool IsFrozen { get; private set; }

    public bool IsWell => IsAlive && !IsFrozen;

    /// <summary>Its connections end, and whoever holds it hears of it; called once.</summary>
    public void OnDeath(Action action) => last.Add(action);

    public void Do(Action action)
    {
        if (!IsAlive)
        {
            return;
        }

        ready.Enqueue(action);
        Drain();
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Environment.CurrentManagedThreadId == world.Thread)
        {
            Do(() => d(state));
        }
        else
        {
            foreign.Add(() => d(state));
        }
    }

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nobody waits for another thread here.");

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>For what leaves the thread (reading the journal at the start does): nothing else happens meanwhile.</summary>
    public void Finish(Func<Task> action)
    {
        Task? done = null;
        Do(() => done = action());
        while (!done!.IsCompleted)
        {
            Do(foreign.Take());
        }

        done.GetAwaiter().GetResult();
    }

    public void Kill()
    {
        if (!IsAlive)
        {
            return;
        }

        IsAlive = false;
        ready.Clear();
        last.ForEach(action => action());
    }

    public void Freeze() => IsFrozen = true;

    public void Thaw()
    {
        IsFrozen = false;
        Drain();
    }

    private void Drain()
    {
        if (running)
        {
            return;
        }

        running = true;
        var around = Current;
        SetSynchronizationContext(this);
        try
        {
            while (IsWell && ready.TryDequeue(out var action))
            {
                action();
            }
        }
        finally
        {
            running = false;
            SetSynchronizationContext(around);
        }
    }
}
