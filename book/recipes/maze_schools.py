"""What may be taught about mazes of 5x5 cells to a network that is asked larger ones, and how.

Perfect mazes, start and goal anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from book.recipes.marked_mazes import MazeTask, maze_data
from trm_lib.puzzles import (
    filling_rounds,
    generate_mazes,
    maze_labels,
    maze_tokens,
    read_maze_tokens,
)
from trm_lib.training import (
    Lesson,
    PuzzleData,
    TrainingRun,
    correct,
    late_answers,
    think_silently,
)

CLOSED = 15  # the token of a cell with a wall on each side
LATEST = 20  # most silent steps before a lesson that begins somewhere in the thought


@cache
def mazes_of(size: int, count: int, seed: int, layout: str = "tree") -> PuzzleData:
    """Mazes with start and goal anywhere, and the cells on their shortest paths."""
    rng = np.random.default_rng([size, seed])
    mazes = generate_mazes(size, count, rng, layout, start="random", goal="random")
    return PuzzleData(maze_tokens(mazes), maze_labels(mazes))


@cache
def five() -> PuzzleData:
    """The mazes of 5x5 cells to train on."""
    return maze_data(MazeTask(5))[0]


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


@cache
def filled() -> PuzzleData:
    """The mazes of 5x5 cells; a label is the round in which dead-end filling gives a cell up."""
    return PuzzleData(five().inputs, filling_rounds(read_maze_tokens(five().inputs)))


def random_start(run: TrainingRun) -> Tensor:
    """Deep supervision that begins somewhere in the thought; an answer is due where it was."""
    inputs, labels = run.next_batch()
    silent = int(torch.randint(LATEST + 1, (), generator=run.generator))
    carry = think_silently(run, inputs, silent)
    targets = late_answers(labels, run.config.due, silent + 1, run.config.n_sup)
    return correct(run, carry, inputs, targets)


def noisy_start(run: TrainingRun) -> Tensor:
    """Deep supervision that begins in noise as large as the states themselves."""
    inputs, labels = run.next_batch()
    carry = run.model.initial_carry(inputs)
    carry.h = carry.h + torch.randn(carry.h.shape, generator=run.generator)
    targets = late_answers(labels, run.config.due, 1, run.config.n_sup)
    return correct(run, carry, inputs, targets)


def round_by_round(run: TrainingRun) -> Tensor:
    """Deep supervision by dead-end filling itself: after step k, what is left after k rounds."""
    inputs, rounds = run.next_batch()
    carry = run.model.initial_carry(inputs)
    steps = range(1, run.config.n_sup + 1)
    return correct(run, carry, inputs, (((rounds == 0) | (rounds > k)).long() for k in steps))


SCHOOLS: dict[str, tuple[Callable[[], PuzzleData], Lesson | None]] = {
    "due": (five, None),
    "mixed_sizes": (mixed_sizes, None),
    "random_start": (five, random_start),
    "noisy_start": (five, noisy_start),
    "round_by_round": (filled, round_by_round),
}
"""What a student is trained on, and in which lessons; None: those of `fit`."""
