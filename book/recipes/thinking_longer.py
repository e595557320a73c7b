"""Chapter 08: learn on mazes of 5x5 cells, think longer on larger ones: is the path still found?

Perfect mazes, start and goal anywhere. Training sees 5x5 cells and nothing else. Mazes of 9x9 and
15x15 cells say which weights of a run to keep; others, and larger ones, are looked at once, at the
end. Exact: every cell of a maze is right.
"""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from book.recipes.comparisons import SHAPES
from book.recipes.data import MarkedMazes
from trm_lib import puzzles
from trm_lib.checks import at_least, check
from trm_lib.evaluation import answers_at_rest, exact_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import BoardNet, count_parameters
from trm_lib.puzzles.maze import mark_cells
from trm_lib.puzzles.maze_layouts import passages
from trm_lib.puzzles.maze_paths import look_ahead
from trm_lib.tasks import PuzzleTask
from trm_lib.training import (
    IGNORE,
    History,
    Lesson,
    PuzzleData,
    SupervisedConfig,
    TrainingRun,
    correct,
    fit,
)

WATCHED = {9: (100, 60), 15: (200, 100)}
"""Mazes, and K, by which the weights to keep are chosen; by cells a side."""
AT_REST = {7: (1000, 160), 15: (300, 300), 30: (100, 600), 101: (20, 2000)}
"""Test mazes that are asked when the answer has come to rest, and most steps."""
BY_K = {7: (500, 80), 9: (500, 80), 15: (200, 120), 30: (100, 240)}
"""Test mazes that are asked after every step up to K."""
PATIENCE = 20  # steps without a change after which an answer is at rest
TOGETHER = 40_000  # cells that are thought about at once
LARGE = 30  # cells a side; more are asked of a few networks only
CLOSED = 15  # the token of a cell with a wall on each side
FIVE = MarkedMazes(5)
LATEST = 20  # most silent steps before a lesson that begins somewhere in the thought


@cache
def mazes_of(size: int, count: int, seed: int, layout: str = "tree") -> PuzzleData:
    """Mazes with start and goal anywhere, and the cells on their shortest paths."""
    rng = np.random.default_rng([size, seed])
    mazes = puzzles.generate_mazes(size, count, rng, layout, start="random", goal="random")
    return PuzzleData(puzzles.maze_tokens(mazes), puzzles.maze_labels(mazes))


@cache
def five() -> PuzzleData:
    """The mazes of 5x5 cells to train on."""
    return FIVE.split()[0]


@cache
def mixed_sizes() -> PuzzleData:
    """As many mazes of 3x3, 4x4 and 5x5 cells; the smaller ones anywhere among closed cells."""
    each, rng = len(five()) // 3, np.random.default_rng(1)
    parts = [five()[:each]]
    for size in (3, 4):
        small = mazes_of(size, each, 0)
        inputs, labels = np.full((each, 5, 5), CLOSED), np.zeros((each, 5, 5), np.int64)
        places = rng.integers(0, 6 - size, (each, 2))
        for board, (row, column) in enumerate(places):
            there = board, slice(row, row + size), slice(column, column + size)
            inputs[there], labels[there] = small.inputs[board], small.labels[board]
        parts.append(PuzzleData(inputs, labels))
    both = [(part.inputs, part.labels) for part in parts]
    return PuzzleData(*map(np.concatenate, zip(*both, strict=True)))


def filling_rounds(mazes: puzzles.Mazes) -> np.ndarray:
    """Say in which round each cell is given up when dead ends are filled, all at once, in rounds.

    An old way to solve a maze: give up what leads nowhere, again and again. A dead end is a cell
    with at most one open neighbour that is left; the start and the goal never are. In a tree the
    path from start to goal is left, and nothing else; a loop is left whole.

    Returns:
        (B, n, m) int64, from 1 on; 0 for cells that are left.
    """
    is_open = passages(mazes.walls)
    ends = mark_cells(mazes.start, mazes.grid) | mark_cells(mazes.goals, mazes.grid)
    rounds = np.zeros(mazes.walls.shape, np.int64)
    for now in itertools.count(1):
        left = rounds == 0
        dead = left & ~ends & ((is_open & look_ahead(left)).sum(axis=-1) <= 1)
        if not dead.any():
            return rounds
        rounds[dead] = now


@cache
def filled() -> PuzzleData:
    """The mazes of 5x5 cells; a label is the round in which dead-end filling gives a cell up."""
    return PuzzleData(five().inputs, filling_rounds(puzzles.read_maze_tokens(five().inputs)))


@dataclass(frozen=True, kw_only=True)
class LateTraining(SupervisedConfig):
    """How to train where an answer may be late.

    Attributes:
        silent_steps: improvement steps on each batch before the supervised ones, without gradient.
        due: supervised step, from 1, by which an answer is due. Before it, only cells whose right
            token is not 0 are judged: an answer may be late, but must not give up what is right.
    """

    silent_steps: int = 0
    due: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, silent_steps=at_least(0), due=at_least(1))
        if self.due > self.n_sup:
            raise ValueError(f"due expected a step from 1 to n_sup = {self.n_sup}, got {self.due}")


def late(run: TrainingRun) -> Tensor:
    """Deep supervision after silent steps, in which an answer may be late."""
    return late_after(run, run.config.silent_steps, run.config.due)


def random_start(run: TrainingRun) -> Tensor:
    """Deep supervision that begins somewhere in the thought; an answer is due where it was."""
    silent = int(torch.randint(LATEST + 1, (), generator=run.generator))
    return late_after(run, silent, run.config.due - silent)


def noisy_start(run: TrainingRun) -> Tensor:
    """Deep supervision that begins in noise as large as the states themselves."""
    return late_after(run, 0, run.config.due, noisy=True)


def late_after(run: TrainingRun, silent: int, due: int, noisy: bool = False) -> Tensor:
    """Silent steps without gradient, then judged ones; before number `due`, what must stay."""
    inputs, labels = run.next_batch()
    carry = run.model.initial_carry(inputs)
    if noisy:
        carry.h = carry.h + torch.randn(carry.h.shape, generator=run.generator)
    with torch.no_grad():
        for _ in range(silent):
            carry, _ = run.model(carry, inputs)
    must_stay = labels.masked_fill(labels == 0, IGNORE)
    steps = range(1, run.config.n_sup + 1)
    return correct(run, carry, inputs, (labels if k >= due else must_stay for k in steps))


def round_by_round(run: TrainingRun) -> Tensor:
    """Deep supervision by dead-end filling itself: after step k, what is left after k rounds."""
    inputs, rounds = run.next_batch()
    carry = run.model.initial_carry(inputs)
    steps = range(1, run.config.n_sup + 1)
    return correct(run, carry, inputs, (((rounds == 0) | (rounds > k)).long() for k in steps))


SCHOOLS: dict[str, tuple[Callable[[], PuzzleData], Lesson]] = {
    "due": (five, late),
    "mixed_sizes": (mixed_sizes, late),
    "random_start": (five, random_start),
    "noisy_start": (five, noisy_start),
    "round_by_round": (filled, round_by_round),
}
"""What a network is trained on, and in which lessons."""


@dataclass(frozen=True)
class LargerMazes(PuzzleTask):
    """A network that learns on mazes of 5x5 cells, and is asked larger ones.

    Attributes:
        closely: asked after every step, with loops, and on the largest mazes too.
        taught: by what, one of `SCHOOLS`.
    """

    data: MarkedMazes = FIVE
    k_steps: int = 20
    k_watched: int = 20
    closely: bool = False
    taught: str = "due"

    def train(
        self, seed: int, checkpoint: Path | None = None, progress: bool = False
    ) -> tuple[BoardNet, History]:
        """The network with the best of its averaged weights, by the watched sizes together.

        The history has the mean over both sizes of the share that is right at the last K.
        """
        mazes, lesson = SCHOOLS[self.taught]
        best: dict[str, Any] = {"share": -1.0}

        def evaluate(network: BoardNet) -> np.ndarray:
            share = np.mean(
                [
                    exact_by_k(network, mazes_of(size, count, 1), k_steps)[-1]
                    for size, (count, k_steps) in WATCHED.items()
                ]
            )
            if share > best["share"]:
                best.update(share=share, weights=copy.deepcopy(network.state_dict()))
            return np.array([share])

        network, config = self.build(seed), replace(self.training, seed=seed)
        history = fit(network, mazes(), config, evaluate=evaluate, lesson=lesson, progress=progress)
        network.load_state_dict(best["weights"])
        return network, history

    def measure(self, network: BoardNet, history: History, seed: int = 0) -> dict[str, Any]:
        """Larger mazes, of which the network has seen none: JSON values."""
        watched = [row[0] for row in history.eval_success]
        measured: dict[str, Any] = {
            "parameters": count_parameters(network),
            "training_seconds": round(history.seconds, 1),
            "kept_batch": int(np.argmax(watched)) * self.training.eval_every,
            "watched_exact": [round(share, 4) for share in watched],
            "validation_exact": max(watched),
        }
        for size, (count, k_steps) in AT_REST.items():
            if size > LARGE and not self.closely:
                continue
            asked = mazes_of(size, count, 3)
            found = answers_at_rest(network, asked.inputs, k_steps, PATIENCE, TOGETHER // size**2)
            exact = (found.answers == asked.labels).all((1, 2))
            measured[f"tree_{size}_exact"] = float(exact.mean())
            measured[f"tree_{size}_steps"] = found.steps.tolist()
        for size, (count, k_steps) in BY_K.items() if self.closely else ():
            for layout in ("tree", "loops"):
                asked = mazes_of(size, count, 2, layout)
                exact = exact_by_k(network, asked, k_steps, TOGETHER // size**2)
                measured[f"{layout}_{size}_exact_by_k"] = exact.tolist()
        return measured | {"test_exact": measured["tree_30_exact"]}  # what tables show


# The networks of chapter 07. A 3x3 convolution takes boards of any size.
LOOP = replace(SHAPES["looped"]["1x32"], grid=FIVE.grid)
TRM = replace(SHAPES["trm"]["n2"], grid=FIVE.grid)
TRAINING = LateTraining(
    n_batches=150, batch_size=128, n_sup=20, due=10, lr=3e-3, decay=0.0, ema_decay=0.995,
    eval_every=15,
)  # fmt: skip

CHANGES = {
    "due_at_once": ("judged in full from the first step", {"due": 1}),
    "silent": ("the first nine answers not judged at all",
               {"n_sup": 11, "silent_steps": 9, "due": 1, "n_batches": 273}),
    "due_last": ("judged in full at the last step alone", {"due": 20}),
    "fewer_steps": ("ten steps, judged in full from the fifth",
                    {"n_sup": 10, "due": 5, "n_batches": 300}),
    "no_average": ("weights not averaged", {"ema_decay": 0.0}),
    "no_decay": ("weights not decayed", {"weight_decay": 0.0}),
    "rate_falls": ("the rate falls to 0 over the second half", {"decay": 0.5}),
}  # fmt: skip
TAUGHT = {
    "mixed_sizes": "mazes of 3x3, 4x4 and 5x5 cells",
    "random_start": "0 to 20 silent steps before the twenty judged ones",
    "noisy_start": "every thought begins in noise",
    "round_by_round": "judged by dead-end filling, a round a step",
}
"""What is changed in the loop, one thing at a time: a setting, or what it is taught by."""

LEARNERS = [
    ("looped", "one state", LargerMazes(LOOP, TRAINING, closely=True)),
    ("trm_seeing", "TRM whose answer sees the question",
     LargerMazes(replace(TRM, seeing=True), TRAINING, closely=True)),
    ("trm", "TRM", LargerMazes(TRM, TRAINING)),
    *((name, f"one state, {about}", LargerMazes(LOOP, replace(TRAINING, **change)))
      for name, (about, change) in CHANGES.items()),
    *((name, f"one state, {about}", LargerMazes(LOOP, TRAINING, taught=name))
      for name, about in TAUGHT.items()),
]  # fmt: skip

EXPERIMENTS = ("easy_to_hard",)
RECIPES = [
    Recipe(f"easy_to_hard/{name}", f"{about}; trained on 5x5 cells", task)
    for name, about, task in LEARNERS
]
