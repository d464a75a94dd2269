#!/usr/bin/env python3
"""Works on the trials of a sweep with workload: external until there are no more. Standard library only.

    search.py http://127.0.0.1:7801 SWEEP

The first argument is the coordinator's web address (`web` of `orch up --output json`). Start as many of these as you like,
anywhere; each may be killed at any time, and so may the coordinator: what was told stands, the rest is handed out again.
"""
import json
import math
import os
import sys
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 120
STEPS = 9


def call(web, path, body):
    """POSTs a JSON body; waits for a coordinator that is away, and ends with its one line where it refuses."""
    request = urllib.request.Request(web + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if "ORCH_TOKEN" in os.environ:
        request.add_header("Authorization", "Bearer " + os.environ["ORCH_TOKEN"])
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (502, 503, 504):
                sys.exit(json.load(refusal).get("message", str(refusal)))
            problem = refusal
        except (urllib.error.URLError, OSError) as away:
            problem = away
        if time.monotonic() > give_up:
            sys.exit(f"{web}: {problem}")
        time.sleep(0.2)


def branin(x, y):
    """A standard function with three minima of 0.397887."""
    a = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return a**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def work(web, sweep, name):
    while True:
        answer = call(web, f"/v1/sweeps/{sweep}:ask?timeout=20", {"worker": name})
        if answer.get("done"):
            return
        if answer.get("wait"):
            continue
        trial, parameters, step = answer["trial"], answer["parameters"], answer["step"]
        tell = f"/v1/sweeps/{sweep}/trials/{trial}:tell"
        while True:
            # A real program would train on from its own checkpoint of this step; here a step only makes the value more exact.
            step += 1
            value = branin(parameters["x"], parameters["y"]) + 10 / step
            if step == STEPS:
                call(web, tell, {"step": step, "metrics": {"value": value}, "final": True})
                break
            if call(web, tell, {"step": step, "metrics": {"value": value}})["stop"]:
                break


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    work(sys.argv[1].rstrip("/"), sys.argv[2], f"python {os.getpid()}")
