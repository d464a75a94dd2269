using System.Collections.Immutable;
using Orchestrator.Control.Sweeps;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>
/// A run coordinator whose messages come late, twice, in any order or never, and whose runs get lost; and a sweep controller that restarts from its journal.
/// What a trial's training gives depends on its parameters alone.
/// </summary>
/// <param name="workers">How many runs train at once.</param>
/// <param name="training">What a trial's training gives, where it is not <see cref="Oracle.Of"/>.</param>
internal sealed class UnreliableCluster(SweepSettings settings, int seed, bool faults, int workers = int.MaxValue, Func<Trial, Oracle>? training = null)
{
    private readonly Random random = new(seed);
    private readonly Dictionary<(int Trial, int Attempt), Running> runs = [];
    private readonly List<SweepCommand> answers = [];
    private readonly List<Wish> wishes = [];

    public Sample Sweep { get; } = Sample.Submitted(settings);

    /// <summary>What logical time did, in order: what must be the same every time, but for which attempt's run a trial began from.</summary>
    public IEnumerable<string> LogicalEvents => Sweep.Log
        .Where(happened => happened is SweepEvent.TrialSuggested or SweepEvent.ReportHandled or SweepEvent.TrialEnded or SweepEvent.WinnerChosen
            or SweepEvent.TrialRested or SweepEvent.TrialPromoted or SweepEvent.TrialGathered or SweepEvent.TrialContinued or SweepEvent.TrialStopped or SweepEvent.SearchClosed)
        .Select(happened => SweepJson.Of(happened is SweepEvent.TrialSuggested { From: { } origin } suggested ? suggested with { From = origin with { Attempt = 1 } } : happened));

    /// <summary>Until the sweep has ended.</summary>
    /// <returns>Whether it did within a bound far beyond what it needs.</returns>
    public bool Run()
    {
        Want(SweepIntent.Of(Sweep.State, Sweep.Log));
        for (var turns = 0; turns < 200_000 && !Sweep.State.HasEnded; turns++)
        {
            if (faults)
            {
                Unreliable();
            }
            else
            {
                InOrder();
            }
        }

        return Sweep.State.HasEnded;
    }

    private void InOrder()
    {
        if (answers.Count > 0)
        {
            Tell(Take(answers, 0));
        }
        else if (wishes.Count > 0)
        {
            Hear(Take(wishes, 0));
        }
        else
        {
            Progress(Working().First());
        }
    }

    private void Unreliable()
    {
        switch (random.Next(20))
        {
            case < 6 when answers.Count > 0:
                Tell(Deliver(answers));
                break;
            case < 10 when wishes.Count > 0:
                Hear(Deliver(wishes));
                break;
            case < 17 when Working().Any():
                var live = Working().ToArray();
                Progress(live[random.Next(live.Length)]);
                break;
            case 17:
                Want(SweepIntent.Outstanding(Sweep.State));
                break;
            case 18 when Sweep.State.IsPaused:
                Tell(new SweepCommand.Resume(Sample.At));
                break;
            case 19 when random.Next(10) == 0:
                Tell(new SweepCommand.Pause());
                break;
        }
    }

    /// <summary>Those that hold a worker: first come, first served.</summary>
    private IEnumerable<(int Trial, int Attempt)> Working() => runs.Where(run => run.Value.IsTraining).Take(workers).Select(run => run.Key);

    private void Tell(SweepCommand? command)
    {
        if (command is SweepCommand.Pause && Sweep.State.Phase != SweepPhase.Searching)
        {
            return;
        }

        if (command is not null)
        {
            var events = Sweep.Do(command);
            Want(SweepIntent.Of(Sweep.State, events));
        }
    }

    /// <summary>What a message says is what its sender knew when it was sent.</summary>
    private void Want(IEnumerable<SweepIntent> intents) =>
        wishes.AddRange(intents.ToArray().Select(intent => new Wish(intent, Sweep.State.PinnedOf(intent.Trial, intent.Attempt))));

    private sealed record Wish(SweepIntent Intent, IReadOnlyList<int> Pinned);

    /// <summary>Any of them; one in eight is lost, one in eight stays to come again.</summary>
    private T? Deliver<T>(List<T> messages)
        where T : class
    {
        var place = random.Next(messages.Count);
        return random.Next(8) switch
        {
            0 => Lose(messages, place),
            1 => messages[place],
            _ => Take(messages, place),
        };
    }

    private static T? Lose<T>(List<T> messages, int place)
        where T : class
    {
        Take(messages, place);
        return null;
    }

    private static T Take<T>(List<T> messages, int place)
    {
        var taken = messages[place];
        messages.RemoveAt(place);
        return taken;
    }

    private void Hear(Wish? wish)
    {
        switch (wish?.Intent)
        {
            case SweepIntent.Run run:
                var key = (run.Trial, run.Attempt);
                if (!runs.TryGetValue(key, out var running))
                {
                    runs[key] = running = Begin(Sweep.State.Trials[run.Trial]);
                    answers.Add(new SweepCommand.Start(run.Trial, run.Attempt, Sample.At));
                }

                running.Extend(run.Until == 0 ? int.MaxValue : run.Until, wish.Pinned);
                answers.AddRange(running.Reports(key, Sweep.State.Trials[run.Trial].KnownTicks));
                break;
            case SweepIntent.Score score:
                answers.Add(new SweepCommand.Score(score.Trial, score.Attempt, ImmutableDictionary<string, double>.Empty.Add("test_accuracy", 0.5), Sample.At));
                break;
            case SweepIntent.Stop { AfterEpoch: 0 } stop when !runs.ContainsKey((stop.Trial, stop.Attempt)):
                answers.Add(new SweepCommand.Finish(stop.Trial, stop.Attempt, new TrialEnd(TrialStatus.Stopped, "", "", 0, "", "", Sample.At)));
                break;
            case SweepIntent.Stop { AfterEpoch: { } epoch } stop:
                if (runs.TryGetValue((stop.Trial, stop.Attempt), out var cut))
                {
                    cut.CutAt(epoch);
                    answers.AddRange(cut.Reports((stop.Trial, stop.Attempt), cut.Ticks));
                }

                break;
            case SweepIntent.Stop stop when runs.TryGetValue((stop.Trial, stop.Attempt), out var stopped):
                stopped.End ??= new TrialEnd(TrialStatus.Cancelled, "", "", stopped.Ticks, "", "", Sample.At);
                answers.AddRange(stopped.Reports((stop.Trial, stop.Attempt), stopped.Ticks));
                break;
            default:
                break;
        }
    }

    /// <summary>One that begins from another's checkpoint copies it; it must be there, as long as a message may be on its way.</summary>
    private Running Begin(Trial trial)
    {
        if (trial.From is { } from)
        {
            Assert.True(runs.TryGetValue((from.Trial, from.Attempt), out var source) && source.Checkpoints.Contains(from.Epoch), $"trial {trial.Number} has nowhere to begin: {from}");
        }

        return new Running((training ?? Oracle.Of)(trial), trial.From?.Epoch ?? 0);
    }

    private void Progress((int Trial, int Attempt) key)
    {
        var run = runs[key];
        var known = run.Ticks;
        if (faults && key.Attempt < 4 && random.Next(25) == 0)
        {
            var kind = new[] { "lost", "hung", "out-of-memory" }[random.Next(3)];
            run.End = new TrialEnd(TrialStatus.Failed, kind, "gone", run.Ticks, "", "", Sample.At);
        }
        else if (run.Ticks < run.Oracle.Values.Length)
        {
            run.Ticks++;
            run.Keep();
            if (run.Ticks >= run.CutAfter)
            {
                run.CutAt(run.CutAfter.Value);
            }
        }
        else
        {
            run.End = run.Oracle.End;
        }

        answers.AddRange(run.Reports(key, known));
    }

    private sealed class Running(Oracle oracle, int start)
    {
        private IReadOnlyList<int> pinned = [];

        public Oracle Oracle { get; } = oracle;

        public int Ticks { get; set; } = start;

        /// <summary>Epochs of which there is a checkpoint: the last one, and those that others begin from.</summary>
        public HashSet<int> Checkpoints { get; private set; } = [start];

        public TrialEnd? End { get; set; }

        public bool IsTraining => End is null && Ticks < Until;

        /// <summary>Where it pauses.</summary>
        public int Until { get; private set; }

        /// <summary>Where it ends as stopped, once it comes there.</summary>
        public int? CutAfter { get; private set; }

        /// <summary>What comes late or again changes nothing.</summary>
        public void Extend(int until, IReadOnlyList<int> stay)
        {
            if (CutAfter is null && until > Until)
            {
                (Until, pinned) = (until, stay);
            }
        }

        public void Keep() => Checkpoints = [.. Checkpoints.Where(pinned.Contains), Ticks];

        public void CutAt(int epoch)
        {
            if (Ticks < epoch)
            {
                // A lost run goes no further; any other does.
                (CutAfter, Until) = (epoch, epoch);
                return;
            }

            Ticks = epoch;
            End = new TrialEnd(TrialStatus.Stopped, "", "", epoch, epoch == 0 ? "" : "c", "", Sample.At);
        }

        /// <summary>Everything beyond the known ticks.</summary>
        public IEnumerable<SweepCommand> Reports((int Trial, int Attempt) key, int known)
        {
            for (var tick = known + 1; tick <= Ticks; tick++)
            {
                yield return new SweepCommand.Report(key.Trial, key.Attempt, tick, Sample.Metrics(Oracle.Values[tick - 1]), Sample.At);
            }

            if (End is { } end)
            {
                yield return new SweepCommand.Finish(key.Trial, key.Attempt, end);
            }
        }
    }
}

/// <summary>What the training of some parameters gives.</summary>
internal sealed record Oracle(double?[] Values, TrialEnd End)
{
    public static Oracle Of(Trial trial)
    {
        var draw = new Random((int)(trial.Parameters["x"].AsNumber()!.Value * int.MaxValue));
        var values = Enumerable.Range(0, draw.Next(6)).Select(_ => draw.Next(10) == 0 ? (double?)null : draw.Next(8) / 8.0).ToArray();
        var end = draw.Next(10) switch
        {
            0 => new TrialEnd(TrialStatus.Failed, "user", "boom", values.Length, "", "", Sample.At),
            1 => new TrialEnd(TrialStatus.Failed, "diverged", "NaN", values.Length, "", "", Sample.At),
            _ => new TrialEnd(TrialStatus.Succeeded, "", "", values.Length, "c", "", Sample.At),
        };
        return new Oracle(values, end);
    }
}
