"""Mazes never seen, whose shortest path must be marked: who learns it, and what is measured.

Perfect mazes, start and goal anywhere, so that the targets vary. Exact: every cell of a maze is
right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trm_lib.evaluation import answer_flops, answers_by_k, exact_by_k
from trm_lib.models import BoardConfig, BoardNet, build_model, count_parameters
from trm_lib.puzzles import (
    generate_mazes,
    layout_class,
    maze_labels,
    maze_tokens,
    pixel_labels,
    pixel_tokens,
    split_by_hash,
)
from trm_lib.tasks import PuzzleTask, kept_in
from trm_lib.training import PuzzleData, SupervisedConfig, fit

DRAWN = 70_000  # mazes of each size; four fifths are to train on
FEW, MANY = 500, 2000  # mazes to watch while learning, and to measure at the end
GOAL = 0.95
LENGTHS = (0, 8, 16, 24, 200)  # cells on a path: up to 8, 9 to 16, 17 to 24, more


@dataclass(frozen=True)
class MazeTask:
    """What is asked.

    Attributes:
        size: n, rows and columns of cells.
        form: "cells", one token a cell that tells its walls; "pixels", walls are pixels too.
        count: how many mazes there are to train on.
    """

    size: int = 8
    form: str = "cells"
    count: int = 50_000

    @property
    def grid(self) -> tuple[int, int]:
        """Shape of a board."""
        side = self.size if self.form == "cells" else 2 * self.size + 1
        return side, side


@dataclass(frozen=True)
class Learner:
    """A network, how it is trained, how long it may think when measured, and on what."""

    model: BoardConfig
    training: SupervisedConfig
    k_steps: int
    task: MazeTask = MazeTask()

    def build(self, seed: int) -> BoardNet:
        """The untrained network of this seed."""
        return build_model(self.model, seed)


@cache
def maze_data(task: MazeTask) -> tuple[PuzzleData, PuzzleData, PuzzleData]:
    """Training, validation and test mazes; no layout is in two parts, turned or mirrored."""
    rng = np.random.default_rng(0)
    mazes = generate_mazes(task.size, DRAWN, rng, start="random", goal="random")
    split = split_by_hash(layout_class(mazes.walls))
    ask, answer = {"cells": (maze_tokens, maze_labels), "pixels": (pixel_tokens, pixel_labels)}[
        task.form
    ]
    parts = [
        mazes[rows]
        for rows in (split.train[: task.count], split.validation[:MANY], split.test[:MANY])
    ]
    train, validation, test = (PuzzleData(ask(part), answer(part)) for part in parts)
    return train, validation, test


def puzzle_task(learner: Learner) -> PuzzleTask:
    """What a learner is trained on, for `debug`."""
    train, validation, _ = maze_data(learner.task)
    return PuzzleTask(
        learner.build, learner.training, train, validation, None, learner.training.n_sup
    )


def run(learner: Learner, seed: int, checkpoint: Path | None) -> dict[str, Any]:
    """Train one learner and measure it: validation while it learns, test once at the end."""
    train, validation, test = maze_data(learner.task)
    watched, steps = validation[:FEW], min(learner.k_steps, learner.training.n_sup)
    model = learner.build(seed)
    keep = {} if checkpoint is None else kept_in(checkpoint, every=100)
    history = fit(
        model,
        train,
        replace(learner.training, seed=seed),
        evaluate=lambda m: exact_by_k(m, watched, steps),
        progress=False,
        **keep,
    )
    boards = learner.training.batch_size * np.array(history.eval_steps)
    best = np.array(history.eval_success)[:, -1]
    there = int((best >= GOAL).argmax()) if (best >= GOAL).any() else -1
    cells = answers_by_k(model, test.inputs, learner.k_steps) == test.labels  # (K, N, n, n)
    exact, length = cells.all((2, 3)), test.labels.sum((1, 2))
    by_length = [exact[:, (low < length) & (length <= high)] for low, high in pairwise(LENGTHS)]
    return {
        "parameters": count_parameters(model),
        "flops_by_k": [
            answer_flops(model, learner.task.grid, k + 1) for k in range(learner.k_steps)
        ],
        "training_seconds": round(history.seconds, 1),
        "boards": boards.tolist(),
        "watched_exact": [round(float(b), 4) for b in best],
        "watched_seconds": [round(s, 1) for s in history.eval_seconds],
        "epochs_to_95": float(boards[there] / len(train)) if there >= 0 else -1.0,
        "to_95_seconds": round(history.eval_seconds[there], 1) if there >= 0 else -1.0,
        "test_cells_by_k": cells.mean((1, 2, 3)).tolist(),
        "validation_exact_by_k": exact_by_k(model, validation, learner.k_steps).tolist(),
        "test_exact_by_k": exact.mean(1).tolist(),
        "test_exact_by_length_and_k": [
            (right.sum(1) / max(1, right.shape[1])).tolist() for right in by_length
        ],
    }
