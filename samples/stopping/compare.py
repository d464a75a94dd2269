#!/usr/bin/env python3
"""What a stopper is worth on a sweep file: runs the file with it and without, and compares at equal epochs. Standard library only.

    compare.py mlp.yaml [--seeds 0,1,2] [--stopper "{ name: asha }"] [--record FILE] [--orch PATH]

Takes the cluster that ORCH_ENDPOINT names (`orch up`). The file's sampler must be `random`: it gives both sweeps the same trials, so
that what differs is the stopper alone. What was run is kept in the record, and taken from it the next time.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--seeds", default="0,1,2", help="a pair of sweeps for each")
    parser.add_argument("--stopper", default="{ name: asha }", help="as the file would say it")
    parser.add_argument("--record", help="a JSON file of what was run")
    parser.add_argument("--orch", default=str(CHECKOUT / "orch"))
    return parser.parse_args()


def sweep(orch, file, seed, stopper):
    """The trials of one sweep in order: each one's best value and epochs."""
    command = [orch, "sweep", "submit", file, "--set", f"seed={seed}", "--set", f"search.stopper={stopper}", "--watch", "--output", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for last in process.stdout:
            pass
    if process.returncode != 0:
        sys.exit(process.returncode)
    shown = json.loads(last)
    metric = shown["objective"]["metric"]
    return {"goal": shown["objective"]["goal"], "trials": [{"value": trial["metrics"].get(metric), "epochs": trial["epochs"]} for trial in shown["trials"]]}


def best(run, count=None):
    """The best value; with a count that of so many of the trials, in the mean over which ones these are (they are drawn alone, so all orders are alike)."""
    values = sorted((trial["value"] for trial in run["trials"] if trial["value"] is not None), reverse=run["goal"] == "maximize")
    count = len(values) if count is None else min(count, len(values))
    return sum(value * math.comb(len(values) - 1 - i, count - 1) for i, value in enumerate(values)) / math.comb(len(values), count)


def main():
    options = arguments()
    record = pathlib.Path(options.record) if options.record else None
    known = json.loads(record.read_text()) if record and record.exists() else {}

    def run(seed, stopper):
        key = f"{os.path.basename(options.file)} {seed} {stopper}"
        if key not in known:
            known[key] = sweep(options.orch, options.file, seed, stopper)
            if record:
                record.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(known[name])}" for name in sorted(known)) + "\n}\n")
        return known[key]

    rows = []
    for seed in options.seeds.split(","):
        stopped, whole = run(seed, options.stopper), run(seed, "null")
        spent, all_epochs = (sum(trial["epochs"] for trial in side["trials"]) for side in (stopped, whole))
        affordable = max(1, math.ceil(len(whole["trials"]) * spent / all_epochs))
        rows.append((seed, len(stopped["trials"]), spent, best(stopped), affordable, best(whole, affordable), all_epochs, best(whole)))

    print(f"{'seed':4}  {'trials':>6} {'epochs':>6} {'best':>7}   without, as many epochs: {'trials':>6} {'best':>7}   without, as many trials: {'epochs':>6} {'best':>7}")
    for row in rows:
        print("{:4}  {:6} {:6} {:7.4f}                            {:6} {:7.4f}                            {:6} {:7.4f}".format(*row))
    if len(rows) > 1:
        mean = [sum(row[i] for row in rows) / len(rows) for i in range(1, 8)]
        print("{:4}  {:6.1f} {:6.0f} {:7.4f}                            {:6.1f} {:7.4f}                            {:6.0f} {:7.4f}".format("mean", *mean))


if __name__ == "__main__":
    main()
