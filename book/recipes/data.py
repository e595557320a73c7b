"""What the networks of the chapters learn from: Sudokus to fill, mazes to mark; and their splits.

No class of symmetry is in two parts of a split.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from trm_lib import puzzles
from trm_lib.tasks import Split
from trm_lib.training import PuzzleData

LENGTHS = (0, 8, 16, 24, 200)  # cells on a path: up to 8, 9 to 16, 17 to 24, more


def by_part(cases: Any, split: Any) -> dict[str, Any]:
    """Cases by what they are for: "train", "validation", "test"."""
    return {part: cases[getattr(split, part)] for part in ("train", "validation", "test")}


@cache
def minimal_sudoku4(split_seed: int = 0) -> Split:
    """Training, validation and test: all 85,632 minimal puzzles, split by whole symmetry classes.

    Of the 36 classes two thirds are for training; the rest is halved.
    """
    data = PuzzleData(*puzzles.minimal_sudokus_4x4())
    keys = puzzles.class_key(data.inputs)
    split = puzzles.split_by_class(keys, fractions=(2 / 3, 1 / 6, 1 / 6), seed=split_seed)
    return tuple(by_part(data, split).values())


@cache
def minimal_sudoku6(count: int = 10_000) -> Split:
    """Training, validation and test: minimal 6x6 Sudokus, split by whole symmetry classes."""
    data = PuzzleData(*puzzles.generate_sudoku(6, count, np.random.default_rng(0)))
    keys = puzzles.class_key(data.inputs)
    split = puzzles.split_by_hash(keys, fractions=(0.6, 0.2, 0.2), seed=0)
    return tuple(by_part(data, split).values())


@dataclass(frozen=True)
class MinimalSudoku:
    """Minimal Sudokus, dressed anew for every batch.

    Attributes:
        size: 4 or 6.
        every: of the validation and test puzzles, every so manyth is used.
        extra_clues: half of the puzzles to train on get random further clues.
        own_split: every seed has other classes to train on (4x4 only).
    """

    size: int = 4
    every: int = 1
    extra_clues: bool = False
    own_split: bool = False

    def split(self, seed: int = 0) -> Split:
        """Training, validation and test puzzles of a run with this seed."""
        if self.size == 6:
            train, validation, test = minimal_sudoku6()
        else:
            train, validation, test = minimal_sudoku4(1 + seed if self.own_split else 0)
        return train, validation[:: self.every], test[:: self.every]

    @staticmethod
    def watched(validation: PuzzleData) -> PuzzleData:
        """About a thousand of them, to look at while a network learns."""
        return validation[:: max(1, len(validation) // 1000)]

    @property
    def augment(self):
        """What dresses a batch."""
        return puzzles.augment_with_clues if self.extra_clues else puzzles.augment_sudoku


@dataclass(frozen=True)
class MarkedMazes:
    """Perfect mazes, start and goal anywhere, whose shortest path must be marked.

    No layout is in two parts, turned or mirrored. 2,000 mazes are for validation, 2,000 for test.

    Attributes:
        size: n, rows and columns of cells.
        form: "cells", one token a cell that tells its walls; "pixels", walls are pixels too.
        count: how many mazes there are to train on.
    """

    size: int = 8
    form: str = "cells"
    count: int = 50_000
    augment: ClassVar[None] = None

    @property
    def grid(self) -> tuple[int, int]:
        """Shape of a board."""
        side = self.size if self.form == "cells" else 2 * self.size + 1
        return side, side

    def split(self, seed: int = 0) -> Split:
        """Training, validation and test mazes, the same for every seed."""
        return _marked_mazes(self)

    @staticmethod
    def watched(validation: PuzzleData) -> PuzzleData:
        """Some of them, to look at while a network learns."""
        return validation[:500]

    @staticmethod
    def measure(test: PuzzleData, exact: np.ndarray) -> dict[str, Any]:
        """Shares exactly right by length of the path, after each of K steps: exact is (K, M)."""
        length = test.labels.sum((1, 2))
        groups = [(low < length) & (length <= high) for low, high in pairwise(LENGTHS)]
        shares = [(exact[:, group].sum(1) / max(1, group.sum())).tolist() for group in groups]
        return {"test_exact_by_length_and_k": shares}


@cache
def _marked_mazes(data: MarkedMazes) -> Split:
    rng = np.random.default_rng(0)
    mazes = puzzles.generate_mazes(data.size, 70_000, rng, start="random", goal="random")
    split = puzzles.split_by_hash(puzzles.layout_class(mazes.walls))
    ask, answer = puzzles.maze_tokens, puzzles.maze_labels
    if data.form == "pixels":
        ask, answer = puzzles.pixel_tokens, puzzles.pixel_labels
    rows = split.train[: data.count], split.validation[:2000], split.test[:2000]
    return tuple(PuzzleData(ask(mazes[r]), answer(mazes[r])) for r in rows)
