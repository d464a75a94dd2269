#!/usr/bin/env python3
"""A program that orch runs with `workload: command`: gradient descent on an ill-conditioned bowl.

It prints a JSON object of its metrics after each epoch, and before that writes down in ORCH_DIRECTORY where it stands. It goes to
ORCH_UNTIL, where its trial pauses at a rung, or to ORCH_EPOCHS; when the trial is promoted it is started again with that directory,
and goes on.
"""
import argparse
import json
import os

arguments = argparse.ArgumentParser()
arguments.add_argument("--lr", type=float, required=True)
lr = arguments.parse_args().lr
momentum = float(os.environ.get("MOMENTUM", "0"))
saved = os.path.join(os.environ["ORCH_DIRECTORY"], "state.json")

state = {"epoch": 0, "x": [5.0, -3.0], "v": [0.0, 0.0]}
if os.path.exists(saved):
    with open(saved) as file:
        state = json.load(file)
print(f"lr {lr}, momentum {momentum}, from epoch {state['epoch']}", flush=True)

last = int(os.environ["ORCH_UNTIL"]) or int(os.environ["ORCH_EPOCHS"])
while state["epoch"] < last:
    for _ in range(10):
        gradient = [state["x"][0], 10 * state["x"][1]]
        state["v"] = [max(-1e6, min(1e6, momentum * v - lr * g)) for v, g in zip(state["v"], gradient)]
        state["x"] = [max(-1e6, min(1e6, x + v)) for x, v in zip(state["x"], state["v"])]
    state["epoch"] += 1
    with open(saved + ".new", "w") as file:
        json.dump(state, file)
    os.replace(saved + ".new", saved)
    loss = 0.5 * state["x"][0] ** 2 + 5 * state["x"][1] ** 2
    print(json.dumps({"epoch": state["epoch"], "loss": loss}), flush=True)
