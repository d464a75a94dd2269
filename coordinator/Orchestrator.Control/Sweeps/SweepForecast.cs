using System.Collections.Immutable;
using Orchestrator.Search;

namespace Orchestrator.Control.Sweeps;

/// <param name="Epochs">Trained in all.</param>
/// <param name="Seconds">From the first trial's start to the last one's end, in the unit of the epochs' lengths.</param>
/// <param name="Busy">The share of the workers' time that was spent training.</param>
public sealed record Forecast(long Epochs, double Seconds, double Busy, SweepState State);

/// <summary>
/// Plays a whole sweep through on imagined workers, with the real state machine: what a stopper saves, and what logical order costs where trials take unlike times.
/// Pure: the lengths and values of epochs come in as functions.
/// </summary>
public sealed class SweepForecast
{
    /// <summary>What a worker brings that joins a run, as a share of what one alone does: the sums of gradients take the rest.</summary>
    public const double ShareOfJoined = 0.8;

    private readonly SweepSettings settings;
    private readonly int maxEpochs;
    private readonly int workers;
    private readonly int mostWorkers;
    private readonly Func<int, double> epochLength;
    private readonly Func<int, int, double> value;
    private readonly PriorityQueue<Epoch, (double At, long Order)> running = new();
    private readonly SortedSet<(long Order, int Trial)> waiting = [];
    private readonly Dictionary<int, Progress> trials = [];
    private readonly HashSet<int> working = [];
    private SweepState state = SweepState.Initial;
    private double now;
    private long order;
    private long trained;
    private double busy;
    private int free;

    /// <param name="maxEpochs">Of a whole trial.</param>
    /// <param name="workers">How many runs train at once.</param>
    /// <param name="epochLength">How long an epoch of the trial takes.</param>
    /// <param name="value">The objective of the trial after that epoch, from 1.</param>
    /// <param name="mostWorkers">Of a run: workers that nobody waits for join those under way, up to so many, and stay until the run pauses or ends. As in
    /// <see cref="Placement.GangPlacement"/> they go to the one that is furthest behind in logical time, of equals to the one that takes longest.</param>
    public SweepForecast(SweepSettings settings, int maxEpochs, int workers, Func<int, double> epochLength, Func<int, int, double> value, int mostWorkers = 1)
    {
        this.mostWorkers = mostWorkers;
        (this.settings, this.maxEpochs, this.workers, this.epochLength, this.value) = (settings with { Lease = null }, maxEpochs, workers, epochLength, value);
        free = workers;
    }

    /// <summary>Trials whose epochs all take as long, and whose values keep their order from the first epoch on: as good as can be known before anything has run.</summary>
    /// <param name="workers">As many as trials are under way at once unless told.</param>
    /// <param name="mostWorkers">Of a run.</param>
    public static Forecast OfStopper(SweepSettings settings, int maxEpochs, int? workers = null, int mostWorkers = 1) => new SweepForecast(
        settings with { Sampler = "random", Earlier = [], Constraints = [], Others = [], Stop = new StopRule(), MaxFailures = null },
        maxEpochs, workers ?? settings.Parallel, _ => 1, (trial, epoch) => Curve(settings, trial, epoch), mostWorkers).Run();

    /// <summary>
    /// How much longer the sweep takes in logical order than in order of arrival, as a factor, where the trials' lengths are spread tenfold (even in the logarithm).
    /// </summary>
    /// <param name="mostWorkers">Of a run.</param>
    public static double CostOfOrder(SweepSettings settings, int maxEpochs, int workers, int mostWorkers = 1)
    {
        var (logical, arrival) = OfOrders(settings, maxEpochs, workers, mostWorkers);
        return logical / arrival;
    }

    /// <summary>How long the sweep takes in either order, in epochs of the shortest trial there may be; lengths as of <see cref="CostOfOrder"/>.</summary>
    /// <param name="mostWorkers">Of a run.</param>
    public static (double Logical, double Arrival) OfOrders(SweepSettings settings, int maxEpochs, int workers, int mostWorkers = 1)
    {
        double SecondsIn(TrialOrder kind) => new SweepForecast(
            settings with { Order = kind, Sampler = "random", Earlier = [], Constraints = [], Others = [], Stop = new StopRule(), MaxFailures = null },
            maxEpochs, workers, trial => Tenfold(settings.Seed, trial), (trial, epoch) => Curve(settings, trial, epoch), mostWorkers).Run().Seconds;

        return (SecondsIn(TrialOrder.Logical), SecondsIn(TrialOrder.Arrival));
    }

    public Forecast Run()
    {
        Do(new SweepCommand.Submit(
            "forecast", settings, new Submission("forecast", "", "", [], ImmutableDictionary<string, string>.Empty, "", "", null), default));
        Place();
        while (running.TryDequeue(out var epoch, out var at))
        {
            // It may have been stopped meanwhile, or got another worker.
            if (trials[epoch.Trial].Begun == epoch.Begun)
            {
                now = at.At;
                Finish(epoch);
                Place();
            }
        }

        return new Forecast(trained, now, now == 0 ? 1 : busy / (now * workers), state);
    }

    private static double Curve(SweepSettings settings, int trial, int epoch)
    {
        var better = Draws.Unit(settings.Seed, trial, 1 << 20) - (1.0 / epoch);
        return settings.Objective.Goal == Goal.Maximize ? better : -better;
    }

    private static double Tenfold(long seed, int trial) => Math.Pow(10, Draws.Unit(seed, trial, 1 << 21));

    private void Place()
    {
        while (free > 0 && waiting.Count > 0)
        {
            var (_, trial) = waiting.Min;
            waiting.Remove(waiting.Min);
            free--;
            trials[trial].Workers = 1;
            working.Add(trial);
            Begin(trial);
        }

        while (mostWorkers > 1 && free > 0 && working.Where(trial => trials[trial].Workers < mostWorkers).Select(trial => (Due(trial), -SecondsLeft(trial), trials[trial].Order, Trial: trial))
            .DefaultIfEmpty((0, 0, 0, Trial: -1)).Min() is { Trial: >= 0 } next)
        {
            free--;
            Join(next.Trial);
        }
    }

    /// <summary>When its next epoch is due.</summary>
    private long Due(int trial) => state.Trials[trial].Beginning + trials[trial].Epochs + 1;

    /// <summary>To where it pauses or ends, with the workers that it has.</summary>
    private double SecondsLeft(int trial)
    {
        var progress = trials[trial];
        var epochs = (progress.Until > 0 ? progress.Until : maxEpochs) - progress.Epochs - 1;
        return ((epochs * epochLength(trial)) + progress.LeftAt(now)) / progress.Speed;
    }

    /// <summary>The next epoch of a trial that has workers.</summary>
    private void Begin(int trial)
    {
        (trials[trial].Left, trials[trial].Since) = (epochLength(trial), now);
        running.Enqueue(new Epoch(trial, trials[trial].Begun), (now + (epochLength(trial) / trials[trial].Speed), order++));
    }

    /// <summary>One more worker for the rest of its epoch, and those after.</summary>
    private void Join(int trial)
    {
        var progress = trials[trial];
        (progress.Left, progress.Since) = (progress.LeftAt(now), now);
        progress.Workers++;
        progress.Begun++;
        running.Enqueue(new Epoch(trial, progress.Begun), (now + (progress.Left / progress.Speed), order++));
    }

    private void Finish(Epoch epoch)
    {
        var progress = trials[epoch.Trial];
        progress.Epochs++;
        trained++;
        busy += epochLength(epoch.Trial);
        var metrics = ImmutableDictionary<string, double>.Empty.Add(settings.Objective.Metric, value(epoch.Trial, progress.Epochs));
        Do(new SweepCommand.Report(epoch.Trial, 1, progress.Epochs, metrics, default));
        if (progress.Begun != epoch.Begun)
        {
            return;
        }

        if (progress.Epochs == maxEpochs)
        {
            Leave(epoch.Trial);
            Do(new SweepCommand.Finish(epoch.Trial, 1, new TrialEnd(TrialStatus.Succeeded, "", "", progress.Epochs, "", "", default)));
        }
        else if (progress.Until > 0 && progress.Epochs >= progress.Until)
        {
            Leave(epoch.Trial);
        }
        else
        {
            Begin(epoch.Trial);
        }
    }

    private void Leave(int trial)
    {
        var progress = trials[trial];
        working.Remove(trial);
        free += progress.Workers;
        progress.Workers = 0;
        progress.Begun++;
    }

    private void Do(SweepCommand command)
    {
        var events = SweepDecision.Decide(state, command);
        state = events.Aggregate(state, SweepEvolution.Apply);
        foreach (var intent in SweepIntent.Of(state, events))
        {
            Hear(intent);
        }
    }

    private void Hear(SweepIntent intent)
    {
        switch (intent)
        {
            case SweepIntent.Run run:
                var progress = trials.TryGetValue(run.Trial, out var known) ? known : trials[run.Trial] = new Progress(order++) { Epochs = state.Trials[run.Trial].Values.Length };
                progress.Until = run.Until;
                if (progress.Workers == 0)
                {
                    waiting.Add((progress.Order, run.Trial));
                }

                break;
            case SweepIntent.Stop { AfterEpoch: { } epoch } stop:
                if (trials.TryGetValue(stop.Trial, out var stopped))
                {
                    waiting.Remove((stopped.Order, stop.Trial));
                    Leave(stop.Trial);
                }

                Do(new SweepCommand.Finish(stop.Trial, 1, new TrialEnd(TrialStatus.Stopped, "", "", epoch, "", "", default)));
                break;
            default:
                break;
        }
    }

    /// <param name="Begun">Of which turn with the same workers the epoch is.</param>
    private readonly record struct Epoch(int Trial, int Begun);

    private sealed class Progress(long order)
    {
        /// <summary>Whoever was asked for first is placed first.</summary>
        public long Order { get; } = order;

        public int Epochs { get; set; }

        public int Until { get; set; }

        public int Begun { get; set; }

        /// <summary>0 where it does not run.</summary>
        public int Workers { get; set; }

        public double Speed => 1 + (ShareOfJoined * (Workers - 1));

        /// <summary>Of its epoch, at <see cref="Since"/>, in the time of one worker.</summary>
        public double Left { get; set; }

        public double Since { get; set; }

        public double LeftAt(double now) => Math.Max(0, Left - ((now - Since) * Speed));
    }
}
