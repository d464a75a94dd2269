namespace Orchestrator.Simulation.Tests;

/// <summary>Who reaches whom, and how fast. Hosts, and the coordinator's, go by name; a cut is of one direction.</summary>
internal sealed class Network(VirtualWorld world)
{
    private const double Slow = 0.03;

    private readonly Dictionary<(string From, string To), int> cuts = [];
    private readonly Dictionary<(string From, string To), List<Action>> waiting = [];
    private readonly Dictionary<(string From, string To), long> cutSince = [];
    private readonly Dictionary<string, long> stoppedSince = new(StringComparer.Ordinal);

    public bool IsCut(string from, string to) => from != to && cuts.GetValueOrDefault((from, to)) > 0;

    public bool IsCutEitherWay(string left, string right) => IsCut(left, right) || IsCut(right, left);

    public void Cut(string from, string to)
    {
        if (!IsCut(from, to))
        {
            cutSince[(from, to)] = world.Now;
        }

        cuts[(from, to)] = cuts.GetValueOrDefault((from, to)) + 1;
    }

    /// <summary>The machine stands still, with its network.</summary>
    public void Stop(string host) => stoppedSince.TryAdd(host, world.Now);

    public void Start(string host) => stoppedSince.Remove(host);

    /// <summary>How long no machine's answer has come from one to the other, as either's own network finds out: one way is enough, for answers go the other.</summary>
    public TimeSpan SilenceBetween(string left, string right)
    {
        var since = new[] { Since(cutSince, (left, right), IsCut(left, right)), Since(cutSince, (right, left), IsCut(right, left)), Since(stoppedSince, right, stoppedSince.ContainsKey(right)) }.Min();
        return left == right || since == long.MaxValue ? TimeSpan.Zero : new TimeSpan(world.Now - since);
    }

    private static long Since<T>(Dictionary<T, long> times, T key, bool holds)
        where T : notnull => holds ? times[key] : long.MaxValue;

    public void Heal(string from, string to)
    {
        cuts[(from, to)]--;
        if (!IsCut(from, to) && waiting.Remove((from, to), out var actions))
        {
            actions.ForEach(action => action());
        }
    }

    public void WhenHealed(string from, string to, Action action)
    {
        if (!waiting.TryGetValue((from, to), out var actions))
        {
            waiting[(from, to)] = actions = [];
        }

        actions.Add(action);
    }

    /// <summary>Of one message; some take a hundred times as long as others, so that different connections overtake each other.</summary>
    public TimeSpan Delay(string from, string to) => from == to
        ? world.Between(0.05, 0.3)
        : world.Random.NextDouble() < Slow ? world.Between(20, 300) : world.Between(0.2, 4);
}

/// <summary>One direction of a connection: what is sent arrives in its order, and over a cut not before it heals. What is under way is lost with the connection.</summary>
internal sealed class Pipe(VirtualWorld world, Network network, string from, string to)
{
    private readonly Queue<(long At, Action Deliver)> underWay = new();
    private long last;
    private bool pumping;
    private bool lost;

    public void Send(Action deliver)
    {
        if (lost)
        {
            return;
        }

        last = Math.Max(last, world.Now + network.Delay(from, to).Ticks);
        underWay.Enqueue((last, deliver));
        if (!pumping)
        {
            pumping = true;
            world.At(last, Pump);
        }
    }

    /// <summary>The connection is gone, with what it carried.</summary>
    public void Lose()
    {
        lost = true;
        underWay.Clear();
    }

    private void Pump()
    {
        while (underWay.TryPeek(out var next))
        {
            if (network.IsCut(from, to))
            {
                network.WhenHealed(from, to, Pump);
                return;
            }

            if (next.At > world.Now)
            {
                world.At(next.At, Pump);
                return;
            }

            underWay.Dequeue();
            next.Deliver();
        }

        pumping = false;
    }
}
