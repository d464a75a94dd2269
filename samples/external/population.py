#!/usr/bin/env python3
"""Works on the members of a population with workload: external until there are no more. Standard library only.

    population.py http://127.0.0.1:7801 SWEEP FOLDER

A member may begin where another one stood (`from`), whoever worked on that one: so what a trial has after each step is kept in FOLDER, which
all these programs share, before the step is told.
"""
import json
import os
import sys

from search import call

STEPS = 9


def load(folder, trial, step):
    with open(os.path.join(folder, f"{trial}-{step}.json")) as file:
        return json.load(file)


def save(folder, trial, step, state):
    path = os.path.join(folder, f"{trial}-{step}.json")
    with open(f"{path}.{os.getpid()}", "w") as file:
        json.dump(state, file)
    os.replace(f"{path}.{os.getpid()}", path)


def begin(folder, trial, step, origin):
    if step == 0:
        return {"x": [5.0, -3.0], "v": [0.0, 0.0]}
    if origin and step == origin["epoch"]:
        return load(folder, origin["trial"], step)
    return load(folder, trial, step)


def train(state, lr, momentum):
    """Ten steps of gradient descent on an ill-conditioned bowl."""
    for _ in range(10):
        gradient = [state["x"][0], 10 * state["x"][1]]
        state["v"] = [max(-1e6, min(1e6, momentum * v - lr * g)) for v, g in zip(state["v"], gradient)]
        state["x"] = [max(-1e6, min(1e6, x + v)) for x, v in zip(state["x"], state["v"])]
    return 0.5 * state["x"][0] ** 2 + 5 * state["x"][1] ** 2


def work(web, sweep, folder):
    os.makedirs(folder, exist_ok=True)
    while True:
        answer = call(web, f"/v1/sweeps/{sweep}:ask?timeout=20", {"worker": f"python {os.getpid()}"})
        if answer.get("done"):
            return
        if answer.get("wait"):
            continue
        trial, step = answer["trial"], answer["step"]
        state = begin(folder, trial, step, answer.get("from"))
        stop = False
        while not stop:
            step += 1
            loss = train(state, **answer["parameters"])
            save(folder, trial, step, state)
            told = call(web, f"/v1/sweeps/{sweep}/trials/{trial}:tell", {"step": step, "metrics": {"loss": loss}, "final": step == STEPS})
            stop = step == STEPS or told["stop"]


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    work(sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3])
