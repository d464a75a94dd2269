using System.Collections.Immutable;
using Orchestrator.Control.Sweeps;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>Sweeps of a hundred thousand trials: what a trial keeps, and what one more costs. Bytes are counted, of the whole process: nothing runs beside it.</summary>
[Collection(nameof(LargeSweepTests))]
[CollectionDefinition(nameof(LargeSweepTests), DisableParallelization = true)]
public sealed class LargeSweepTests
{
    private const int Trials = 100_000;

    private static readonly SearchSpace Space = new(
    [
        new("lr", new ParameterDomain.LogUniform(1e-5, 1)),
        new("decay", new ParameterDomain.LogUniform(1e-6, 1e-2)),
        new("width", new ParameterDomain.Integer(8, 512)),
        new("optimizer", new ParameterDomain.Choice([ParameterValue.Of("sgd"), ParameterValue.Of("adamw")])),
        new("momentum", new ParameterDomain.Uniform(0.5, 0.99), [new Condition("optimizer", [ParameterValue.Of("sgd")])]),
    ]);

    [Theory]
    [InlineData(null)]
    [InlineData("asha")]
    public void A_trial_takes_two_kilobytes_at_most_and_the_last_ones_cost_what_the_first_did(string? stopper)
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var sweep = new Played(stopper);
        var first = sweep.AllocatedTo(Trials / 5);
        sweep.AllocatedTo(Trials / 5 * 4);
        var last = sweep.AllocatedTo(Trials);
        sweep.End();
        var kept = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.InRange(kept / Trials, 1, 2048);

        // Trees of trials, and of those who came to a rung, are some levels deeper; nothing looks at all of them.
        Assert.InRange(last, 1, 1.5 * first);
        Assert.Equal((SweepPhase.Scoring, Trials), (sweep.State.Phase, sweep.State.Trials.Count(trial => trial.HasEnded)));
    }

    private sealed class Played
    {
        private readonly Queue<SweepIntent> wanted = [];

        public Played(string? stopper) => Do(new SweepCommand.Submit(
            "large",
            new SweepSettings(Space, "random", 3, Trials, Parallel: 64, new Objective("val_accuracy", Goal.Maximize)) { Stopper = stopper is null ? null : new StopperSettings(stopper, MaxEpochs: 9) },
            new Submission("large", "", "large.yaml", [], ImmutableDictionary<string, string>.Empty, "", "", null), Sample.At));

        public SweepState State { get; private set; } = SweepState.Initial;

        /// <summary>Goes on until so many trials have been suggested.</summary>
        /// <returns>The bytes that were allocated.</returns>
        public long AllocatedTo(int trials)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            while (State.Trials.Count < trials)
            {
                Answer(wanted.Dequeue());
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        public void End()
        {
            while (wanted.TryDequeue(out var intent))
            {
                Answer(intent);
            }
        }

        private void Answer(SweepIntent intent)
        {
            switch (intent)
            {
                case SweepIntent.Run run:
                    Train(run);
                    break;
                case SweepIntent.Stop { AfterEpoch: { } epoch } stop:
                    Finish(stop.Trial, TrialStatus.Stopped, epoch);
                    break;
                default:
                    break;
            }
        }

        private void Train(SweepIntent.Run run)
        {
            var until = run.Until == 0 ? State.Settings!.Stopper?.MaxEpochs ?? 1 : run.Until;
            for (var epoch = State.Trials[run.Trial].KnownTicks + 1; epoch <= until; epoch++)
            {
                var value = Draws.Unit(1, run.Trial, 5) - (1.0 / epoch);
                Do(new SweepCommand.Report(run.Trial, run.Attempt, epoch, ImmutableDictionary<string, double>.Empty
                    .Add("train_loss", value).Add("val_loss", value + 1).Add("val_accuracy", value).Add("learning_rate", 0.1), Sample.At));
            }

            if (run.Until == 0)
            {
                Finish(run.Trial, TrialStatus.Succeeded, until);
            }
        }

        private void Finish(int trial, TrialStatus status, int epoch)
        {
            Do(new SweepCommand.Finish(trial, 1, new TrialEnd(
                status, "", "", epoch, $"large-{trial}-c{epoch}", string.Create(64, trial, (text, number) => text.Fill((char)('a' + (number % 6)))), Sample.At)));
        }

        private void Do(SweepCommand command)
        {
            var events = SweepDecision.Decide(State, command);
            State = events.Aggregate(State, SweepEvolution.Apply);
            foreach (var intent in SweepIntent.Of(State, events))
            {
                wanted.Enqueue(intent);
            }
        }
    }
}
