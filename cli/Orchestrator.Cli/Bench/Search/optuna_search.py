"""What Optuna finds on the functions that `orch bench search` measures: optuna_search.py FUNCTION SAMPLER TRIALS SEEDS [PARALLEL]
prints the true value of the best trial seen, per seed, as JSON. SAMPLER: random sobol tpe gp cma-es nsga2.
optuna_search.py ask SAMPLER TRIALS PARAMETERS REPEATS prints milliseconds an ask takes with that many trials told.
optuna_search.py check prints each function at a fixed point."""
import json, math, random, sys, time, warnings
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def cube(trial, dimensions, low, high):
    return [trial.suggest_float(f"x{i}", low, high) for i in range(dimensions)]


def branin(t):
    x, y = t.suggest_float("x", -5, 10), t.suggest_float("y", 0, 15)
    return (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(t):
    alpha = [1.0, 1.2, 3.0, 3.2]
    a = [[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]]
    p = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
    x = cube(t, 6, 0, 1)
    return -sum(alpha[i] * math.exp(-sum(a[i][j] * (x[j] - p[i][j] * 1e-4) ** 2 for j in range(6))) for i in range(4))


def rosenbrock5(t):
    x = cube(t, 5, -2, 2)
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(4))


def ackley10(t):
    x = cube(t, 10, -32.768, 32.768)
    return -20 * math.exp(-.2 * math.sqrt(sum(v * v for v in x) / 10)) - math.exp(sum(math.cos(2 * math.pi * v) for v in x) / 10) + 20 + math.e


def mixed(t):
    lr, depth, kind = t.suggest_float("lr", 1e-5, 1, log=True), t.suggest_int("depth", 1, 8), t.suggest_categorical("kind", ["sgd", "adam", "rms"])
    loss = (math.log10(lr) + {"sgd": 1, "adam": 3, "rms": 2.5}[kind]) ** 2 + .1 * (depth - 5) ** 2 + {"sgd": .3, "adam": 0, "rms": .1}[kind]
    if kind == "sgd":
        loss += 4 * (t.suggest_float("momentum", 0, 1) - .9) ** 2
    return loss


def ellipsoid8(t):
    x = cube(t, 8, -5, 5)
    sine, cosine = math.sin(0.7), math.cos(0.7)
    for i in range(7):
        x[i], x[i + 1] = cosine * x[i] - sine * x[i + 1], sine * x[i] + cosine * x[i + 1]
    return sum(10 ** (6.0 * i / 7) * x[i] ** 2 for i in range(8))


def rastrigin5(t):
    return sum((v - 1.1) ** 2 - 10 * math.cos(2 * math.pi * (v - 1.1)) + 10 for v in cube(t, 5, -5.12, 5.12))


def levy8(t):
    w = [1 + (v - 1) / 4 for v in cube(t, 8, -10, 10)]
    return (math.sin(math.pi * w[0]) ** 2 + sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
            + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2))


def plateau6(t):
    return float(sum(math.floor(v - 1.3 + 0.2 * i + 0.5) ** 2 for i, v in enumerate(cube(t, 6, -5, 5))))


def noisy6(t):
    return hartmann6(t)


def layers(t):
    lr, n = t.suggest_float("lr", 1e-5, 1, log=True), t.suggest_int("layers", 1, 4)
    loss = 0.02 + 0.15 * (n - 3) ** 2
    loss += sum(0.04 * (math.log2(t.suggest_int(f"units{i}", 8, 512, log=True)) - (8 - i)) ** 2 / n for i in range(1, n + 1))
    loss += 0.1 * (math.log10(lr) + 2.5 + 0.3 * n - 0.9) ** 2
    norm = t.suggest_categorical("norm", ["none", "batch", "layer"])
    loss += {"none": 0.2, "batch": 0.05, "layer": 0}[norm]
    return loss + ((t.suggest_float("dropout", 0, 0.8) - 0.2) ** 2 if norm != "batch" else 0)


def categories(t):
    c = [ord(t.suggest_categorical(f"c{i}", list("abcde"))) - ord("a") for i in range(6)]
    loss = 0.0
    for i in range(6):
        off = (c[i] + 35 - i * 3 % 5) % 5
        loss += 0.15 * off + (0 if off == 0 or i == 0 or c[i] == (c[i - 1] + 3) % 5 else 0.25)
    return loss


FUNCTIONS = [branin, hartmann6, rosenbrock5, ackley10, mixed, ellipsoid8, rastrigin5, levy8, plateau6, noisy6, layers, categories]


def sampler(name, seed, parallel):
    s = optuna.samplers
    return {
        "random": lambda: s.RandomSampler(seed=seed), "sobol": lambda: s.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
        "tpe": lambda: s.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=parallel > 1), "gp": lambda: s.GPSampler(seed=seed),
        "cma-es": lambda: s.CmaEsSampler(seed=seed, warn_independent_sampling=False), "nsga2": lambda: s.NSGAIISampler(seed=seed),
    }[name]()


def best_of(function, name, trials, seed, parallel):
    study, noise = optuna.create_study(sampler=sampler(name, seed, parallel)), random.Random(seed)
    best = (math.inf, math.inf)
    running, asked = [], 0
    while asked < trials or running:
        while len(running) < parallel and asked < trials:
            trial = study.ask()
            running.append((trial, function(trial)))
            asked += 1
        trial, true = running.pop(0)
        seen = true + (noise.gauss(0, 0.2) if function is noisy6 else 0)
        study.tell(trial, seen)
        best = min(best, (seen, true))
    return round(best[1], 9)


def ask(name, trials, parameters, repeats):
    study, draws = optuna.create_study(sampler=sampler(name, 0, 1)), random.Random(0)
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(parameters)}
    for _ in range(trials):
        point = {key: draws.random() for key in space}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=space, value=sum((v - .3) ** 2 for v in point.values())))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        trial = study.ask(space)
        times.append(1000 * (time.perf_counter() - start))
        study.tell(trial, sum((v - .3) ** 2 for v in trial.params.values()))
    return times


if __name__ == "__main__":
    if sys.argv[1] == "check":
        middle = optuna.trial.FixedTrial({**{f"x{i}": 0.25 + 0.05 * i for i in range(10)}, "x": 2, "y": 3, "lr": 0.01, "depth": 3, "kind": "sgd", "momentum": 0.5,
                                          "layers": 2, "units1": 100, "units2": 20, "norm": "none", "dropout": 0.5, **{f"c{i}": "cabed"[i % 5] for i in range(6)}})
        print(json.dumps({f.__name__: f(middle) for f in FUNCTIONS}))
    elif sys.argv[1] == "ask":
        print(json.dumps({"peer": "optuna", "version": optuna.__version__, "milliseconds": ask(sys.argv[2], *map(int, sys.argv[3:6]))}))
    else:
        f, name, trials, seeds = globals()[sys.argv[1]], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        parallel = int(sys.argv[5]) if len(sys.argv) > 5 else 1
        print(json.dumps({"peer": "optuna", "version": optuna.__version__, "function": sys.argv[1], "sampler": name, "trials": trials, "parallel": parallel,
                          "best": [best_of(f, name, trials, seed, parallel) for seed in range(seeds)]}))
