using System.Text;
using System.Text.Json;
using CsCheck;
using Orchestrator.Control.Runs;
using Orchestrator.Specs;

namespace Orchestrator.Control.Tests.Runs;

/// <summary>Whatever is said to a run, in whatever order, early, late, twice, or by a generation that is over.</summary>
public sealed class RunProperties
{
    private static readonly Gen<RunPlan> Plans = Gen.Select(Gen.Int[1, 3], Gen.Int[0, 2], Gen.Int[1, 4], Gen.Int[0, 2], Gen.Int[0, 2]).Select((min, more, epochs, lost, hung) =>
        RunSample.Plan(min, min + more > 4 ? 4 : min + more, epochs, new FailureBudgets { Lost = lost, Hung = hung, OutOfMemory = 1 }));

    /// <summary>A run of its own, a trial that may train to its end, or one that pauses at an epoch.</summary>
    private static readonly Gen<int?> Pauses = Gen.OneOf(Gen.Const((int?)null), Gen.Const((int?)0), Gen.Int[1, 3].Select(epoch => (int?)epoch));

    /// <summary>Mostly what fits the state, so that runs come far; the rest is noise.</summary>
    private static readonly Gen<Said[]> Conversations =
        Gen.Select(Gen.Int[0, 40], Gen.Frequency((8, Gen.Const(0)), (1, Gen.Int[-2, 1])), Gen.Int[0, 3], Gen.Frequency((6, Gen.Const(1)), (1, Gen.Int[-1, 3])), Gen.Int[0, 6])
            .Select((what, generation, rank, ahead, pick) => new Said(what, generation, rank, ahead, pick)).Array[0, 80];

    [Fact]
    public void Replay_gives_the_live_state_at_every_point() => Check((run, _) =>
        Assert.Equal(Json(run.State), Json(RunEvolution.Replay(run.Log))));

    [Fact]
    public void The_same_said_again_has_no_effect() => Check((run, command) => Assert.Empty(RunDecision.Decide(run.State, command)));

    [Fact]
    public void There_is_one_live_generation_at_most_and_its_number_only_rises() => Check((run, _) =>
    {
        var proposed = run.Log.OfType<RunEvent.GenerationProposed>().Select(happened => happened.Generation).ToArray();
        Assert.Equal(Enumerable.Range(1, proposed.Length), proposed);
        Assert.Equal(run.State.Phase is RunPhase.Forming or RunPhase.Working, run.State.Current is not null);
        Assert.True(run.State.Current is null || run.State.Current.Number <= run.State.LastGeneration);
        Assert.True(run.State.Next is null || (run.State.Phase is RunPhase.Working && run.State.Next.Number == run.State.LastGeneration));
    });

    [Fact]
    public void A_trainer_that_is_not_in_the_run_has_no_say() => Check((run, _) =>
    {
        foreach (var stale in Enumerable.Range(1, run.State.LastGeneration + 1).Where(number => !run.State.Trainers.Exists(member => member.Trainer == new TrainerName(number, 0))))
        {
            Assert.Empty(run.Ready(0, generation: stale));
            Assert.Empty(run.End(run.State.Epoch, generation: stale));
            Assert.Empty(run.Fail(FailureKind.User, generation: stale));
            if (stale < run.State.Lineage || stale > run.State.LastGeneration)
            {
                Assert.Empty(run.Epoch(run.State.Epoch + 1, generation: stale));
                Assert.Empty(run.Checkpoint(run.State.Epoch, generation: stale));
            }
        }
    });

    [Fact]
    public void No_step_is_lost_while_a_copy_of_the_state_lives() => Check((run, _) =>
    {
        var state = RunState.Initial;
        foreach (var happened in run.Log)
        {
            var before = state;
            state = RunEvolution.Apply(state, happened);
            if (happened is RunEvent.GenerationFailed or RunEvent.SurvivorLost && !state.Survivors.IsEmpty)
            {
                Assert.Equal(before.StepsLost, state.StepsLost);
                Assert.True(state.Step >= before.Step && state.Epoch == before.Epoch);
            }
        }
    });

    [Fact]
    public void Survivors_keep_their_names_and_the_lowest_ranks_and_go_on_as_soon_as_they_are_enough() => Check((run, _) =>
    {
        var state = RunState.Initial;
        foreach (var happened in run.Log)
        {
            if (happened is RunEvent.GenerationProposed e)
            {
                var names = (state.Current?.Members.FindAll(member => !member.IsLeaving && !member.IsGone) ?? state.Survivors).Select(member => member.Trainer).ToArray();
                Assert.Equal(names, (e.Trainers ?? []).Where(names.Contains));
                Assert.Equal(e.Members.Count, e.Trainers?.Distinct().Count() ?? e.Members.Count);
            }

            state = RunEvolution.Apply(state, happened);
        }

        Assert.True(state.Survivors.Count < Math.Max(1, state.MinWorkers));
    });

    [Fact]
    public void Every_gang_has_its_size_and_owns_every_shard_once() => Check((run, _) =>
    {
        var state = RunState.Initial;
        foreach (var happened in run.Log)
        {
            state = RunEvolution.Apply(state, happened);
            if (happened is not RunEvent.GenerationProposed)
            {
                continue;
            }

            var members = (state.Next ?? state.Current!).Members;
            var staying = members.FindAll(member => !member.IsLeaving);
            // While some leave and hand over, there may be more.
            Assert.InRange(members.Count, state.MinWorkers, state.MaxWorkers + members.Count - staying.Count);
            Assert.All(staying, member => Assert.True(member.Place.Shards > 0));
            Assert.Equal(Enumerable.Range(0, state.Plan!.Shards), members.SelectMany(member => Enumerable.Range(member.Place.FirstShard, member.Place.Shards)));
        }
    });

    [Fact]
    public void Every_epoch_is_told_once_and_in_order() => Check((run, _) =>
    {
        var epochs = run.Log.OfType<RunEvent.EpochFinished>().Select(happened => happened.Epoch).ToArray();
        Assert.Equal(Enumerable.Range(1, epochs.Length), epochs);
        var end = run.Log.OfType<RunEvent.RunCut>().Select(cut => cut.Epoch).Append(int.MaxValue).Min();
        Assert.Equal(epochs.Where(epoch => epoch <= end), run.State.History.Select(epoch => epoch.Epoch));
    });

    [Fact]
    public void No_kind_of_failure_goes_beyond_its_budget() => Check((run, _) =>
    {
        foreach (var kind in Enum.GetValues<FailureKind>())
        {
            var budget = run.State.Plan!.BudgetOf(kind);
            var left = run.State.CountOf(kind) <= budget;
            // One more than allowed is the last; only the scoring of a trial that has its result goes on beyond.
            Assert.True(left || run.State.Phase is RunPhase.Idle || run.State.Purpose is TaskPurpose.Score, $"{kind} {run.State.CountOf(kind)} times, {run.State.Phase}");
        }
    });

    [Fact]
    public void A_run_ends_once_and_trains_no_more() => Check((run, _) =>
    {
        // Cut at an epoch that it has passed, it ends there again.
        var ends = run.Log.Where((happened, index) => happened is RunEvent.RunEnded && !IsCut(run.Log, index));
        Assert.InRange(ends.Count(), 0, 1);
        Assert.Equal(run.State.Outcome is not null, run.Log.Exists(happened => happened is RunEvent.RunEnded));
        if (run.State.Outcome is not null)
        {
            Assert.DoesNotContain(
                run.Log.SkipWhile(happened => happened is not RunEvent.RunEnded).Skip(1),
                happened => happened is not (RunEvent.CheckpointReleased or RunEvent.CheckpointRejected or RunEvent.ScoreRequested or RunEvent.TestScored
                    or RunEvent.MemberReady or RunEvent.MemberRefused or RunEvent.MemberEnded or RunEvent.MemberDropped or RunEvent.GenerationBegun
                    or RunEvent.GenerationFailed or RunEvent.GenerationProposed { Purpose: TaskPurpose.Score } or RunEvent.RunCut or RunEvent.RunEnded));
        }
    });

    /// <summary>Whether the end there comes with a cut.</summary>
    private static bool IsCut(List<RunEvent> log, int end) => log.FindLastIndex(end, happened => happened is RunEvent.RunCut) is >= 0 and var cut
        && log.FindIndex(cut, happened => happened is not (RunEvent.RunCut or RunEvent.CheckpointReleased)) == end;

    [Fact]
    public void A_generation_begins_where_a_standing_checkpoint_is() => Check((run, _) =>
    {
        var standing = new HashSet<string>(StringComparer.Ordinal) { "" };
        foreach (var happened in run.Log)
        {
            switch (happened)
            {
                case RunEvent.CheckpointCommitted e:
                    Assert.True(standing.Add(e.Checkpoint.Id));
                    break;
                case RunEvent.CheckpointReleased e:
                    Assert.True(standing.Remove(e.Checkpoint));
                    break;
                case RunEvent.CheckpointRejected e:
                    Assert.True(standing.Remove(e.Checkpoint));
                    break;
                case RunEvent.GenerationProposed e:
                    Assert.Contains(e.Checkpoint, standing);
                    break;
                default:
                    break;
            }
        }
    });

    [Fact]
    public void Steps_are_lost_never_won() => Check((run, _) =>
    {
        Assert.All(run.Log.OfType<RunEvent.GenerationFailed>(), happened => Assert.True(happened.StepsLost >= 0));
        Assert.True(run.State.Step >= 0 && run.State.Epoch >= 0);
    });

    [Fact]
    public void A_run_that_is_let_work_comes_to_its_end()
    {
        var all = Gen.Select(Plans, Pauses, Conversations);
        all.Sample((plan, pause, conversation) =>
        {
            var run = Hold(plan, pause, conversation, static (_, _) => { });
            for (var turns = 0; run.State.Phase is not RunPhase.Idle || run.State.IsPaused; turns++)
            {
                Assert.True(turns < 20, $"still {run.State.Name}, {run.State.Phase} for {run.State.Purpose}");
                if (run.State.IsPaused)
                {
                    run.Do(new RunCommand.Extend(0, RunSample.At));
                    continue;
                }

                if (run.State.Current is { } stuck)
                {
                    if (stuck.Members.Find(member => !member.IsGone) is { } left)
                    {
                        run.Fail(FailureKind.Preempted, left.Place.Rank);
                    }
                    else if (stuck.Members.Exists(member => member.Stage is MemberStage.Dropped))
                    {
                        run.Do(new RunCommand.Blame(stuck.Number, FailureKind.Lost, "why", run.State.Step, RunSample.At));
                    }
                    else
                    {
                        run.Do(new RunCommand.LoseLast(stuck.Number, RunSample.At));
                    }

                    continue;
                }

                run.Begin(run.State.MinWorkers);
                if (run.State.Purpose is TaskPurpose.Score)
                {
                    run.End(0);
                }
                else
                {
                    run.Train();
                }
            }

            Assert.NotNull(run.State.Outcome);
        }, print: Story);
    }

    private static void Check(Action<RunSample, RunCommand> holds) =>
        Gen.Select(Plans, Pauses, Conversations).Sample((plan, pause, conversation) => { Hold(plan, pause, conversation, holds); }, print: Story);

    /// <summary>What had an effect, and which: all that there is to know about a violation.</summary>
    private static string Story((RunPlan Plan, int? Pause, Said[] Conversation) sample)
    {
        var story = new StringBuilder().Append(sample.Pause is { } epoch ? $"a trial that pauses at {epoch}, " : "a run, ").Append(sample.Plan);
        var told = 0;
        Hold(sample.Plan, sample.Pause, sample.Conversation, (run, command) =>
        {
            if (run.Log.Count > told)
            {
                story.AppendLine().Append(command);
            }

            foreach (var happened in run.Log.Skip(told))
            {
                story.AppendLine().Append("    ").Append(happened);
            }

            told = run.Log.Count;
        });
        return story.ToString();
    }

    private static RunSample Hold(RunPlan plan, int? pause, Said[] conversation, Action<RunSample, RunCommand> after)
    {
        var run = RunSample.Requested(plan, pause is null ? null : RunSample.Trial, pause ?? 0);
        foreach (var said in conversation)
        {
            var command = said.To(run.State);
            run.Do(command);
            after(run, command);
        }

        return run;
    }

    private static string Json(RunState state) => JsonSerializer.Serialize(state, Named);

    private static readonly JsonSerializerOptions Named = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Something said to a run; numbers that mean the same whatever the state.</summary>
    private sealed record Said(int What, int GenerationOff, int Rank, int Ahead, int Pick)
    {
        public RunCommand To(RunState state)
        {
            // Mostly one that is in the run.
            var (generation, rank) = GenerationOff == 0 && state.Trainers.FindLast(member => member.Place.Rank == Rank) is { } member
                ? (member.Trainer.Generation, member.Trainer.Rank)
                : (state.LastGeneration + GenerationOff, Rank);
            var loading = GenerationOff == 0 && state.Trainers.Find(member => member.Stage is MemberStage.Assigned) is { } assigned ? assigned.Trainer : new TrainerName(state.LastGeneration + GenerationOff, Rank);
            var now = GenerationOff == 0 && Ahead == 1 && state.Current is { } current ? current.Number : state.LastGeneration + GenerationOff;
            var epoch = state.Epoch + Ahead;
            var at = RunSample.At.AddSeconds(Pick);
            return What switch
            {
                0 or 1 or 2 => new RunCommand.Propose(RunSample.Slots(Math.Max(1, state.MinSlots + (Pick / 3))), "8899aabbccddeeff", at),
                >= 3 and < 11 => new RunCommand.Ready(loading.Generation, loading.Rank, $"h:{Rank}", 1, Pick == 0 && Ahead != 1 ? "other" : RunSample.Probe, "cpu", at),
                11 or 12 or 13 => new RunCommand.FinishEpoch(
                    generation, rank, epoch, epoch * 10, new Dictionary<string, double> { ["val_loss"] = Pick }, 1, 1, "", at),
                14 or 15 or 16 => new RunCommand.CommitCheckpoint(generation, rank, RunSample.Record(epoch - 1, Pick), at),
                17 or 18 => new RunCommand.End(generation, rank, state.Step, state.Epoch, "w", new Dictionary<string, double>(), 1, Pick == 6, at),
                19 or 20 => new RunCommand.Fail(generation, rank, (FailureKind)Pick, "why", "", Pick % 2 == 0 ? -1 : (Rank + 1) % 4, state.Step + Pick, at),
                21 => new RunCommand.Blame(now, FailureKind.Hung, "why", state.Step, at),
                22 => Pick == 0 ? new RunCommand.Stop(Rank > 1, at) : new RunCommand.Blame(now, FailureKind.Lost, "why", state.Step, at),
                23 => new RunCommand.Score(at),
                24 => Pick < 2 ? new RunCommand.Release(at) : new RunCommand.ReleaseOne($"r-{epoch * 10}", at),
                25 => new RunCommand.LoseLast(now, at),
                26 or 27 => new RunCommand.Interrupt(generation, rank, now, (Rank + 1) % 4, state.Step + (Pick % 2), "why", at),
                30 or 31 => new RunCommand.Propose(RunSample.Slots(1 + (Pick % 2), from: Rank), "8899aabbccddeeff", at),
                34 => new RunCommand.Balance(now, Pick % 2 == 0 ? [3, 1] : [1, 1, 2], at),
                32 => new RunCommand.Vacate(((char)('a' + Rank)).ToString(), at),
                33 => new RunCommand.Level(generation, rank, at),
                28 => new RunCommand.BeginAgain(now, "why", at),
                35 when state.Trial is not null && Pick < 3 => new RunCommand.Cut(Math.Max(1, epoch - Pick), at),
                36 => new RunCommand.Extend(Pick == 6 ? 0 : Math.Max(0, epoch), at, Pick == 5 ? [1] : null),
                37 => new RunCommand.Part(now, [new Silence(Rank, Pick % 4)], state.Step, at) { Absent = Pick > 4 ? [(Rank + 1) % 4] : [] },
                38 or 39 when state.Plan is { } plan && state.TargetOf(state.Current?.UntilEpoch ?? state.UntilEpoch) is var target =>
                    new RunCommand.End(generation, rank, target * 10, target, "w", new Dictionary<string, double>(), 1, false, at, Paused: target < plan.Epochs),
                40 => new RunCommand.End(generation, rank, state.Step + Pick, state.Epoch, "w", new Dictionary<string, double>(), 1, true, at) { LeftGeneration = now },
                29 => new RunCommand.Fail(generation, rank, FailureKind.Lost, "why", "", -1, state.Step + Pick, at),
                _ => new RunCommand.Request("r", state.Plan!, "{}", "sha", state.Trial, "", "", at),
            };
        }
    }
}
