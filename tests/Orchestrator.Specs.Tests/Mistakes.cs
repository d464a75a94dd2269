using Xunit;

namespace Orchestrator.Specs.Tests;

/// <summary>Every mistake is one line with the place and the mend.</summary>
public sealed class Mistakes
{
    private const string Good = """
        name: fashion-cnn
        workload: image-classifier
        dataset: fashion-mnist
        seed: 7
        model: { architecture: cnn, channels: [32, 64], hidden: $hidden }
        training:
          epochs: 9
          batch_size: 128
          workers: { min: 1, max: 2 }
          optimizer: { name: $optimizer, learning_rate: $lr, momentum: $momentum }
          schedule: one-cycle
        search:
          sampler: random
          trials: 40
          parallel: 4
          keep: best 3
          objective: { metric: val_accuracy, goal: maximize }
        parameters:
          lr:        { loguniform: [1e-4, 1e-1] }
          optimizer: { choice: [sgd, adamw] }
          momentum:  { uniform: [0.8, 0.99], when: { optimizer: sgd } }
          hidden:    { choice: [64, 128, 256] }
        """;

    [Theory]
    [InlineData("  batch_size: 128", "  batchsize: 128", "sweep.yaml:8:14: training.batchsize: there is no such field; did you mean batch_size?")]
    [InlineData("  epochs: 9", "  epochs: 0", "sweep.yaml:7:11: training.epochs: 0 is out of range; it must be at least 1 and at most 1000000")]
    [InlineData("  epochs: 9", "  epochs: many", "sweep.yaml:7:11: training.epochs: a whole number is expected, not the text 'many'")]
    [InlineData("  epochs: 9", "  epochs: 1.5", "sweep.yaml:7:11: training.epochs: a whole number is expected, not 1.5")]
    [InlineData("seed: 7", "seed: 7\nseed: 8", "sweep.yaml:5:1: seed: given twice, first in line 4; keep one of them")]
    [InlineData("workload: image-classifier", "workload: image-clasifier", "sweep.yaml:2:11: workload: there is no workload 'image-clasifier'; did you mean image-classifier?")]
    [InlineData("$hidden", "$hiden", "sweep.yaml:5:57: model.hidden: $hiden is not among the parameters; did you mean hidden?")]
    [InlineData("schedule: one-cycle", "schedule: onecycle", "sweep.yaml:11:13: training.schedule: 'onecycle' is not known here; did you mean one-cycle?")]
    [InlineData("max: 2", "max: 5", "sweep.yaml:9:12: training.workers: 5 workers are more than the 4 shards of a step; each worker holds a shard at least: fewer workers, or more shards")]
    [InlineData("  batch_size: 128", "  batch_size: 3", "training.shards: 4 shards are more than the 3 samples of a batch; fewer shards, or a larger batch_size")]
    [InlineData("metric: val_accuracy", "metric: val_acuracy", "sweep.yaml:17:24: search.objective.metric: image-classifier reports no metric 'val_acuracy'; did you mean val_accuracy?")]
    [InlineData("schedule: one-cycle", "schedule: step", "training.schedule: a step schedule says how often the rate falls; schedule: { name: step, every: 10 epochs, factor: 0.1 }")]
    [InlineData("schedule: one-cycle", "schedule: { name: cosine, factor: 0.1 }", "training.schedule.factor: cosine has no factor; it belongs to step and plateau")]
    [InlineData("schedule: one-cycle", "schedule: { name: plateau, patience: 0 }", "training.schedule.patience: 0 is out of range; it must be at least 1")]
    [InlineData("schedule: one-cycle", "clip: {}", "training.clip: it says no bound; clip: { norm: 1 }, or: { value: 0.5 }")]
    [InlineData("schedule: one-cycle", "label_smoothing: 0.1\n  loss: mse", "training.label_smoothing: the mse loss has no label smoothing")]
    [InlineData("schedule: one-cycle", "ema: 1", "training.ema: 1 is out of range; it must be above 0 and below 1")]
    [InlineData("schedule: one-cycle", "early_stopping: 0", "training.early_stopping: 0 is out of range; it must be at least 1")]
    [InlineData("schedule: one-cycle", "evaluate: often", "training.evaluate: a number and its unit are expected, not the text 'often'; write: 1 epoch, or: 500 steps")]
    [InlineData("schedule: one-cycle", "hardware: fast", "training.hardware: 'fast' is not known here; known: pinned, native")]
    [InlineData("sampler: random", "sampler: randm", "sweep.yaml:13:12: search.sampler: 'randm' is not known here; did you mean random?")]
    [InlineData("[1e-4, 1e-1]", "[1e-1, 1e-4]", "parameters.lr.loguniform: low 0.1 is not below high 0.0001; a single value is a constant")]
    [InlineData("[1e-4, 1e-1]", "[0, 1e-1]", "parameters.lr.loguniform: low 0 has no logarithm; low must be above 0")]
    [InlineData("choice: [64, 128, 256]", "choice: []", "parameters.hidden.choice: a list of choices is expected, not an empty list; choice: [sgd, adamw]")]
    [InlineData("choice: [64, 128, 256]", "choise: [64]", "one kind of parameter is expected")]
    [InlineData("choice: [64, 128, 256]", "choice: [64, -1]", "sweep.yaml:5:57: model.hidden: -1 is out of range; it must be at least 1")]
    [InlineData("when: { optimizer: sgd }", "when: { optimizer: rms }", "parameters.momentum.when: optimizer is never \"rms\"; its choices: \"sgd\", \"adamw\"")]
    [InlineData("when: { optimizer: sgd }", "when: { optimiser: sgd }", "parameters.momentum.when: optimiser is not a parameter above this one; declare it before what depends on it")]
    [InlineData("parameters:", "constraints: x < 1\nparameters:", "constraints: a list of comparisons is expected, not the text 'x < 1'; constraints: [\"x + y <= 1\"]")]
    [InlineData(", when: { optimizer: sgd }", "", "training.optimizer.momentum: adamw has no momentum; it belongs to sgd")]
    [InlineData("hidden: $hidden", "hidden: 64", "sweep.yaml:22:3: parameters.hidden: nothing in the file refers to it; write $hidden where its value belongs, or take it away")]
    [InlineData("sampler: random", "sampler: grid", "parameters.lr: a grid can't count this range; add points: 5, use quantized or choice, or another sampler")]
    [InlineData("keep: best 3", "keep: 3", "sweep.yaml:16:9: search.keep: which trials to keep is expected, not the number 3; write: best 3")]
    [InlineData("model: { architecture", "model: &m { architecture", "anchors and aliases (& and *) are not taken; write the value out")]
    [InlineData("seed: 7", "seed: [7", "not valid YAML")]
    [InlineData("name: fashion-cnn", "name: ../etc", "sweep.yaml:1:7: name: '../etc' is not a name")]
    [InlineData("  trials: 40\n", "", "search.trials: random does not end by itself; say how many: trials: 20")]
    [InlineData("sampler: random", "sampler: { startup: 20 }", "sweep.yaml:13:12: search.sampler.name: this field is needed")]
    [InlineData("sampler: random", "sampler: { name: random, startup: 20 }", "search.sampler.startup: random has no startup; it belongs to tpe, gp")]
    [InlineData("sampler: random", "sampler: { name: tpe, better: 0.6 }", "search.sampler.better: 0.6 is out of range; it must be above 0 and at most 0.5")]
    [InlineData("sampler: random", "sampler: { name: tpe, prior_wieght: 2 }", "search.sampler.prior_wieght: there is no such field; did you mean prior_weight?")]
    [InlineData("sampler: random", "sampler: { name: cma-es, population: 2 }", "search.sampler.population: 2 is out of range; it must be at least 4")]
    [InlineData("[1e-4, 1e-1] }", "[1e-4, 1e-1], prior: { at: 1e-2 } }", "sweep.yaml:19:3: parameters.lr.prior: random does not look at priors; sampler: tpe, or take it away")]
    [InlineData("[1e-4, 1e-1] }", "[1e-4, 1e-1], prior: high }", "parameters.lr.prior: what is believed of the parameter is expected, not the text 'high'; prior: { at: 0.01, spread: 0.2 }")]
    [InlineData("  keep: best 3", "  stopper: { name: patient, of: asha }", "search.stopper.of: 'asha' is not known here; known: median, percentile, threshold")]
    [InlineData("  keep: best 3", "  stopper: { name: median, of: threshold }", "search.stopper.of: median has no of; it belongs to patient")]
    [InlineData("  keep: best 3", "  stopper: { name: patient, of: threshold }", "search.stopper.of: threshold needs a bound")]
    [InlineData("  keep: best 3", "  stopper: { name: patient, of: { name: median, percentile: 20 } }", "search.stopper.of.percentile: median has no percentile; it belongs to percentile")]
    [InlineData("sampler: random", "sampler: { name: pbt, every: 9 epochs }", "search.sampler.every: members are compared at the ends of epochs, and before the last of 9; every: 3 epochs")]
    [InlineData("sampler: random", "sampler: { name: pbt, every: 10 steps }", "search.sampler.every: members are compared at the ends of epochs")]
    [InlineData("sampler: random", "sampler: { name: pbt, max_epochs: 9 }", "search.sampler.max_epochs: how long a trial trains is said by training.epochs; take it away")]
    [InlineData("sampler: random", "sampler: { name: tpe, every: 3 epochs }", "search.sampler.every: tpe has no every; it belongs to pbt")]
    [InlineData("sampler: random", "sampler: { name: pbt, explore: [lrr] }", "search.sampler.explore: there is no parameter 'lrr'; did you mean lr?")]
    [InlineData("sampler: random\n  trials: 40\n  parallel: 4", "sampler: pbt\n  parallel: 1", "search.parallel: a population of one has nobody to learn from; parallel is the population: parallel: 8")]
    [InlineData("sampler: random", "sampler: pbt\n  stopper: asha", "search.stopper: members of a population don't rest at the rungs of asha; no stopper, or one that ends trials")]
    [InlineData("sampler: random", "sampler: pbt\n  warm_start: other", "search.warm_start: a population begins with members of its own")]
    [InlineData("sampler: random", "sampler: pbt\n  constraints: { metric: val_loss, max: 1 }", "search.constraints: members are compared by the first objective alone")]
    [InlineData("  keep: best 3", "  stopper: asah", "search.stopper: 'asah' is not known here; did you mean asha?")]
    [InlineData("  keep: best 3", "  stopper: { name: asha, min_epochs: 9 }", "search.stopper.min_epochs: a trial has 9 epochs, so none is left after the lowest rung at 9; below 9")]
    [InlineData("  keep: best 3", "  stopper: { name: asha, reduction: 1 }", "search.stopper.reduction: 1 is out of range; it must be at least 2")]
    [InlineData("  keep: best 3", "  stopper: { name: hyperband, max_epochs: 20 }", "search.stopper.max_epochs: no trial trains for 20 epochs: training.epochs is 9; at most 9, or leave it out")]
    [InlineData("  keep: best 3", "  stopper: { name: median, patience: 3 }", "search.stopper.patience: median has no patience; it belongs to patient")]
    [InlineData("  keep: best 3", "  stopper: threshold", "search.stopper: threshold needs a bound")]
    [InlineData("goal: maximize }", "goal: maximize, at: best 3 }", "search.objective.at: which report counts is expected, not 'best 3'; write: best, last")]
    [InlineData("  keep: best 3", "  constraints: { metric: val_los, max: 1 }", "search.constraints.metric: image-classifier reports no metric 'val_los'; did you mean val_loss?")]
    [InlineData("  keep: best 3", "  constraints: { metric: val_loss }", "search.constraints: the constraint on val_loss bounds nothing")]
    [InlineData("  keep: best 3", "  stop: { time: 5 }", "search.stop.time: a duration is expected, not the number 5; write: 30s, 10m or 2h")]
    [InlineData("  keep: best 3", "  stop: { time: 5d }", "search.stop.time: 'd' is not a unit of time")]
    public void A_mistake_is_told_with_its_place_and_the_mend(string good, string bad, string message)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        var error = Assert.Throws<SpecException>(() => SweepFile.Parse(Good.Replace(good, bad, StringComparison.Ordinal), "sweep.yaml", []));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("asha")]
    [InlineData("median")]
    [InlineData("pbt")]
    public void Who_judges_trials_by_every_epoch_wants_every_epoch_measured(string judge)
    {
        string[] set = [judge == "pbt" ? "search.sampler=pbt" : $"search.stopper={judge}"];
        var rarely = Good.Replace("schedule: one-cycle", "evaluate: 3 epochs", StringComparison.Ordinal);
        var error = Assert.Throws<SpecException>(() => SweepFile.Parse(rarely, "sweep.yaml", set));
        Assert.Contains($"sweep.yaml:11:13: training.evaluate: {judge} judges trials by every epoch, and not every epoch is measured; take it away, or count in steps: 500 steps", error.Message, StringComparison.Ordinal);

        // Nobody judges, or every epoch's end is measured too.
        Assert.Equal(new Every(3, EveryUnit.Epoch), SweepFile.Parse(rarely, "sweep.yaml", []).Extremes[0].Training.Evaluate);
        Assert.Equal(new Every(3, EveryUnit.Step), SweepFile.Parse(rarely, "sweep.yaml", [.. set, "training.evaluate=3 steps"]).Extremes[0].Training.Evaluate);
    }

    [Fact]
    public void A_sweep_of_external_trials_has_no_data_and_nothing_to_train()
    {
        const string file = "name: e\nworkload: external\nseed: 3\nsearch: { trials: 3, lease: 90s, objective: [{ metric: loss, goal: minimize }, { metric: size, goal: minimize }] }\nparameters: { x: { uniform: [0, 1] } }\n";
        var sweep = SweepFile.Parse(file, "e.yaml", []);
        Assert.Equal((true, "e", 3, 0), (sweep.IsExternal, sweep.Name, sweep.Seed, sweep.MaxEpochs));
        Assert.Equal((TimeSpan.FromSeconds(90), 2), (sweep.Search.Lease, sweep.Search.Objectives.Count));

        var error = Assert.Throws<SpecException>(() => SweepFile.Parse(file + "dataset: digits\n", "e.yaml", []));
        Assert.Contains("dataset: whoever asks for external trials has data and training of its own", error.Message, StringComparison.Ordinal);
        Assert.Contains("hyperband divides a number of epochs that must be known", Assert.Throws<SpecException>(() => SweepFile.Parse(file, "e.yaml", ["search.stopper=hyperband"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sampler_and_a_stopper_may_be_a_name_or_a_mapping_with_what_they_take()
    {
        Assert.Equal(("random", 10), Search("search.keep=best 3") is var plain ? (plain.Sampler.Name, plain.Sampler.Startup) : default);

        var told = Search("search.sampler={ name: tpe, startup: 20, prior_weight: 3 }", "search.stopper={ name: patient, patience: 4, of: { name: percentile, percentile: 25 } }");
        Assert.Equal(("tpe", 20, 3.0, 0.15), (told.Sampler.Name, told.Sampler.Startup, told.Sampler.PriorWeight, told.Sampler.Better));
        Assert.Equal((4, "percentile", 25.0), (told.Stopper!.Patience, told.Stopper.Of!.Name, told.Stopper.Of.Percentile));

        static SearchSpec Search(params string[] set) => SweepFile.Parse(Good, "sweep.yaml", set).Search;
    }

    [Fact]
    public void A_population_inherits_what_a_checkpoint_fixes_unless_told()
    {
        var file = SweepFile.Parse(Good, "sweep.yaml", ["search.sampler=pbt", "search.trials=null"]);
        Assert.Equal(["hidden", "optimizer"], file.Inherited);
        Assert.Equal(0, file.Search.Trials);
        Assert.Equal(["optimizer", "momentum", "hidden"], SweepFile.Parse(Good, "sweep.yaml", ["search.sampler={ name: pbt, explore: [lr] }"]).Inherited);

        var error = Assert.Throws<SpecException>(() => SweepFile.Parse(
            "name: w\nworkload: image-classifier\ndataset: digits\nmodel: { hidden: $h }\ntraining: { epochs: 4 }\nsearch: { sampler: pbt, parallel: 4, objective: { metric: val_accuracy, goal: maximize } }\nparameters: { h: { choice: [32, 64] } }\n",
            "w.yaml", []));
        Assert.Contains("search.sampler: every parameter is of the model, the data or the order of training, which a copy of a checkpoint can't change", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_population_of_programs_or_of_external_trials_changes_every_parameter_unless_told_and_says_how_long_a_trial_is()
    {
        const string command = "name: c\nworkload: command\ncommand: [train, $lr, $width]\ntraining: { epochs: 9 }\n";
        const string search = "search: { sampler: { name: pbt, every: 3 epochs }, parallel: 4, objective: { metric: loss, goal: minimize } }\nparameters: { lr: { uniform: [0, 1] }, width: { choice: [1, 2] } }\n";
        var programs = SweepFile.Parse(command + search, "c.yaml", []);
        Assert.Equal((9, 0), (programs.MaxEpochs, programs.Inherited.Count));
        Assert.Equal(["width"], SweepFile.Parse(command + search, "c.yaml", ["search.sampler.explore=[lr]"]).Inherited);

        const string external = "name: e\nworkload: external\n" + search;
        var trials = SweepFile.Parse(external, "e.yaml", ["search.sampler.max_epochs=9"]);
        Assert.Equal((9, 0), (trials.MaxEpochs, trials.Inherited.Count));
        Assert.Contains("e.yaml:3:20: search.sampler.max_epochs: members are compared up to their last step, which must be known; say the steps of a whole trial",
            Assert.Throws<SpecException>(() => SweepFile.Parse(external, "e.yaml", [])).Message, StringComparison.Ordinal);
        Assert.Contains("search.sampler.every: members are compared at the ends of epochs, and before the last of 3",
            Assert.Throws<SpecException>(() => SweepFile.Parse(external, "e.yaml", ["search.sampler.max_epochs=3"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prior_is_a_bell_around_a_value_or_a_weight_for_each_choice()
    {
        var file = SweepFile.Parse(Good, "sweep.yaml", ["search.sampler=tpe", "parameters.lr.prior={ at: 1e-2 }", "parameters.momentum.prior={ at: 0.9, spread: 0.1 }", "parameters.optimizer.prior=[1, 3]"]);
        var (lr, optimizer, momentum) = (file.Parameters[0].Prior!, file.Parameters[1].Prior!, file.Parameters[2].Prior!);
        Assert.Equal((0.01, null), (lr.At!.GetValue<double>(), lr.Spread));
        Assert.Equal([1.0, 3.0], optimizer.Weights);
        Assert.Equal(0.1, momentum.Spread);
    }

    [Fact]
    public void A_file_without_mistakes_is_taken() => Assert.Equal("fashion-cnn", SweepFile.Parse(Good, "sweep.yaml", []).Name);

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment")]
    public void An_empty_file_is_refused(string text) => Assert.Equal("empty", Assert.Throws<SpecException>(() => SweepFile.Parse(text, "s.yaml", [])).Error.Code);

    [Fact]
    public void A_giant_file_is_refused() =>
        Assert.Equal("too-large", Assert.Throws<SpecException>(() => SweepFile.Parse(new string('#', 2 << 20), "s.yaml", [])).Error.Code);

    [Fact]
    public void A_deep_file_is_refused() =>
        Assert.Equal("too-deep", Assert.Throws<SpecException>(() => RunFile.Parse("a: " + new string('[', 5000), "s.yaml", [])).Error.Code);

    [Fact]
    public void An_override_names_itself_as_the_place()
    {
        var error = Assert.Throws<SpecException>(() => SweepFile.Parse(Good, "sweep.yaml", ["training.epochs=0"]));
        Assert.Equal("--set: training.epochs: 0 is out of range; it must be at least 1 and at most 1000000", error.Message);
    }

    [Fact]
    public void A_run_file_with_a_search_is_sent_to_the_sweeps() =>
        Assert.Contains("orch sweep submit", Assert.Throws<SpecException>(() => RunFile.Parse(Good, "s.yaml", [])).Message, StringComparison.Ordinal);
}
