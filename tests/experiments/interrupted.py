"""A program that runs a recipe over two seeds, for tests to kill in the middle of the second one.

python interrupted.py FOLDER JOBS

The recipe is a walk whose every step depends on all before it. It notes each step in FOLDER/steps
and keeps its state in its checkpoint. With STUCK in the environment, seed 1 stops after three
steps: it locks FOLDER/alive, prints "stuck" and waits to be killed.
"""

import fcntl
import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_lib.experiments import Recipe, run_recipe
from trm_lib.files import write_whole


@dataclass(frozen=True)
class Walk:
    folder: str
    steps: int = 6


def walk(config, seed, checkpoint):
    folder = Path(config.folder)
    step, values = 0, [0.0]
    if checkpoint.is_file():
        step, values = json.loads(checkpoint.read_text())
    while step < config.steps:
        values.append(values[-1] / 2 + np.random.default_rng((seed, step)).random())
        step += 1
        write_whole(checkpoint, json.dumps([step, values]).encode())
        with open(folder / "steps", "a") as file:
            file.write(f"{seed} {step}\n")
        if seed == 1 and step == 3 and "STUCK" in os.environ:
            with open(folder / "alive", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                print("stuck", flush=True)
                threading.Event().wait(timeout=120)
                (folder / "outlived").touch()
    return {"values": values}


if __name__ == "__main__":
    folder, jobs = sys.argv[1:]
    recipe = Recipe("test/walk", "a walk", Walk(folder), walk)
    run_recipe(recipe, range(2), Path(folder) / "results", int(jobs))
