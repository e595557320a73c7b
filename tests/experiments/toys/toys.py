"""Recipes that take no time. Tests exchange `ACTS`, what each of them does, to make them fail."""

import json
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trm_lib.experiments import Recipe
from trm_lib.files import write_whole


@dataclass(frozen=True)
class Toy:
    act: str
    count: int = 3
    sides: tuple[int, ...] = (6, 8)

    def run(self, seed, checkpoint):
        return ACTS[self.act](self, seed, checkpoint)


def draw(task, seed, checkpoint):
    return {"value": np.random.default_rng(seed).random(task.count).tolist()}


def toss(task, seed, checkpoint):
    right = np.random.default_rng(seed).random(task.count).tolist()
    return {"validation_exact_by_k": right, "test_exact_by_k": right}


def count(task, seed, checkpoint):
    """Counts from the number in its checkpoint; is killed at 2 if it started from nothing."""
    start = int(checkpoint.read_text()) if checkpoint.is_file() else 0
    checkpoint.write_text("2")
    if start == 0 and seed == 1:
        raise KeyboardInterrupt
    return {"from": start, "to": task.count}


def walk(task, seed, checkpoint):
    """Six steps, each depending on all before it, noted in TOY_FOLDER/steps.

    With STUCK in the environment, seed 1 stops after three: it locks TOY_FOLDER/alive, prints
    "stuck" and waits to be killed.
    """
    folder, step, values = Path(os.environ["TOY_FOLDER"]), 0, [0.0]
    if checkpoint.is_file():
        step, values = json.loads(checkpoint.read_text())
    while step < 6:
        values.append(values[-1] / 2 + np.random.default_rng((seed, step)).random())
        step += 1
        write_whole(checkpoint, json.dumps([step, values]).encode())
        with open(folder / "steps", "a") as file:
            file.write(f"{seed} {step}\n")
        if seed == 1 and step == 3 and "STUCK" in os.environ:
            import fcntl

            with open(folder / "alive", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                print("stuck", flush=True)
                threading.Event().wait(timeout=120)
                (folder / "outlived").touch()
    return {"values": values}


ACTS = {"draw": draw, "toss": toss, "count": count, "walk": walk}
DRAWS = Recipe("toys/draws", "random numbers", Toy("draw"))
FAIR = Recipe("coins/fair", "guessing", Toy("toss"))

EXPERIMENTS = ("toys", "coins", "unrun")
RECIPES = [
    DRAWS,
    Recipe("toys/count", "counting", Toy("count")),
    Recipe("toys/walk", "a walk", Toy("walk")),
    FAIR,
    replace(FAIR, name="unrun/fair"),
]
