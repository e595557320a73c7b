"""Learn on mazes of 5x5 cells, think longer on larger ones: is the path still found?

Perfect mazes, start and goal anywhere. Training sees 5x5 cells and nothing else. Mazes of 9x9 and
15x15 cells say which weights of a run to keep; others, and larger ones, are looked at once, at the
end. Exact: every cell of a maze is right.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from book.recipes.marked_mazes import MazeTask, maze_data
from book.recipes.maze_schools import SCHOOLS, five, mazes_of
from trm_lib.evaluation import answers_at_rest, exact_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import (
    BoardConfig,
    BoardNet,
    LoopedConfig,
    TRMConfig,
    build_model,
    count_parameters,
)
from trm_lib.puzzles import CELL_TOKENS
from trm_lib.tasks import PuzzleTask
from trm_lib.training import History, SupervisedConfig, fit

WATCHED = {9: (100, 60), 15: (200, 100)}
"""Mazes, and K, by which the weights to keep are chosen; by cells a side."""
AT_REST = {7: (1000, 160), 15: (300, 300), 30: (100, 600), 101: (20, 2000)}
"""Test mazes that are asked when the answer has come to rest, and most steps."""
BY_K = {7: (500, 80), 9: (500, 80), 15: (200, 120), 30: (100, 240)}
"""Test mazes that are asked after every step up to K."""
PATIENCE = 20  # steps without a change after which an answer is at rest
TOGETHER = 40_000  # cells that are thought about at once
LARGE = 30  # cells a side; more are asked of a few networks only


@dataclass(frozen=True)
class Student:
    """A network, how it is trained on 5x5 cells, and how closely it is looked at.

    Attributes:
        closely: asked after every step, with loops, and on the largest mazes too.
        taught: by what, one of `SCHOOLS`.
    """

    model: BoardConfig
    training: SupervisedConfig
    closely: bool = False
    taught: str = "due"

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return build_model(self.model, seed)


def trained(student: Student, seed: int, progress: bool = False) -> tuple[BoardNet, History, int]:
    """The network with the best of its averaged weights, by the watched sizes together.

    Returns:
        The network; the history, with the mean over both sizes of the share that is right at the
        last K; and the batch the weights were taken from.
    """
    mazes, lesson = SCHOOLS[student.taught]
    best = {"share": -1.0, "evaluation": 0, "weights": {}}
    evaluations = 0

    def evaluate(network: BoardNet) -> np.ndarray:
        nonlocal evaluations
        share = np.mean(
            [
                exact_by_k(network, mazes_of(size, count, 1), k_steps)[-1]
                for size, (count, k_steps) in WATCHED.items()
            ]
        )
        if share > best["share"]:
            weights = copy.deepcopy(network.state_dict())
            best.update(share=share, evaluation=evaluations, weights=weights)
        evaluations += 1
        return np.array([share])

    network = student.build(seed)
    config = replace(student.training, seed=seed)
    history = fit(network, mazes(), config, evaluate=evaluate, lesson=lesson, progress=progress)
    network.load_state_dict(best["weights"])
    return network, history, best["evaluation"] * config.eval_every


def run(student: Student, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train on 5x5 cells, keep the best weights, and ask larger mazes."""
    network, history, batch = trained(student, seed)
    measured: dict[str, Any] = {
        "parameters": count_parameters(network),
        "training_seconds": round(history.seconds, 1),
        "kept_batch": batch,
        "watched_exact": [round(a[0], 4) for a in history.eval_success],
        "validation_exact": max(a[0] for a in history.eval_success),
    }
    for size, (count, k_most) in AT_REST.items():
        if size > LARGE and not student.closely:
            continue
        asked = mazes_of(size, count, 3)
        found = answers_at_rest(network, asked.inputs, k_most, PATIENCE, TOGETHER // size**2)
        exact = (found.answers == asked.labels).all((1, 2))
        measured[f"tree_{size}_exact"] = float(exact.mean())
        measured[f"tree_{size}_steps"] = found.steps.tolist()
    for size, (count, k_steps) in BY_K.items() if student.closely else ():
        for layout in ("tree", "loops"):
            asked = mazes_of(size, count, 2, layout)
            exact = exact_by_k(network, asked, k_steps, TOGETHER // size**2)
            measured[f"{layout}_{size}_exact_by_k"] = exact.tolist()
    measured["test_exact"] = measured["tree_30_exact"]  # what tables show
    return measured


def puzzle_task(student: Student) -> PuzzleTask:
    """The mazes of 5x5 cells that a student without a school is trained on, for `debug`."""
    _, validation, _ = maze_data(MazeTask(5))
    return PuzzleTask(
        student.build, student.training, five(), validation, None, student.training.n_sup
    )


def net(width: int = 32) -> dict:
    """Fields that all networks here share: one block, a 3x3 convolution, boards of any size."""
    return {
        "vocab_size": CELL_TOKENS, "grid": (5, 5), "width": width, "n_layers": 1, "mixing": "conv",
        "expansion": 3.0, "hidden_multiple": 1, "n_answers": 2, "positions": "none",
    }  # fmt: skip


LOOP = LoopedConfig(**net(), n_calls=3)
SEEING = TRMConfig(**net(), n_latent=2, n_cycles=1, seeing=True)
TRAINING = SupervisedConfig(
    n_batches=150, batch_size=128, n_sup=20, due=10, lr=3e-3, decay=0.0, ema_decay=0.995,
    eval_every=15,
)  # fmt: skip


def recipes() -> list[Recipe]:
    """The loop and the TRMs; then the loop with one thing changed at a time."""
    students = {
        "looped": ("one state", Student(LOOP, TRAINING, True)),
        "trm_seeing": ("TRM whose answer sees the question", Student(SEEING, TRAINING, True)),
        "trm": ("TRM", Student(replace(SEEING, seeing=False), TRAINING)),
    }
    changes = {
        "due_at_once": ("judged in full from the first step", {"due": 1}),
        "silent": (
            "the first nine answers not judged at all",
            {"n_sup": 11, "silent_steps": 9, "due": 1, "n_batches": 273},
        ),
        "due_last": ("judged in full at the last step alone", {"due": 20}),
        "fewer_steps": (
            "ten steps, judged in full from the fifth",
            {"n_sup": 10, "due": 5, "n_batches": 300},
        ),
        "no_average": ("weights not averaged", {"ema_decay": 0.0}),
        "no_decay": ("weights not decayed", {"weight_decay": 0.0}),
        "rate_falls": ("the rate falls to 0 over the second half", {"decay": 0.5}),
    }
    schools = {
        "mixed_sizes": "mazes of 3x3, 4x4 and 5x5 cells",
        "random_start": "0 to 20 silent steps before the twenty judged ones",
        "noisy_start": "every thought begins in noise",
        "round_by_round": "judged by dead-end filling, a round a step",
    }
    students |= {
        name: (f"one state, {about}", Student(LOOP, replace(TRAINING, **change)))
        for name, (about, change) in changes.items()
    } | {
        name: (f"one state, {about}", Student(LOOP, TRAINING, taught=name))
        for name, about in schools.items()
    }
    return [
        Recipe(f"easy_to_hard/{name}", f"{about}; trained on 5x5 cells", student, run, puzzle_task)
        for name, (about, student) in students.items()
    ]


EXPERIMENTS = ("easy_to_hard",)
RECIPES = [*recipes()]
