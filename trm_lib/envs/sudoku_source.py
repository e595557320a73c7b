"""The puzzles that the Sudoku environments ask for, each made from the key of its episode.

Axes: M puzzles, N rows and columns, L = N * N cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.hashing import draw_below
from trm_lib.puzzles.sudoku_exhaustive import all_grids_4x4, masked_grids, sudokus_4x4
from trm_lib.puzzles.sudoku_generator import FEWEST_CLUES, generate_sudoku
from trm_lib.puzzles.sudoku_geometry import as_boards, box_shape
from trm_lib.puzzles.sudoku_solver import solve_exactly

Empties = int | tuple[int, int]
_EMPTIES, _PUZZLE, _CELL = 0, 1, 2  # streams of randomness


class SudokuSource:
    """Puzzles with exactly one solution each, by key.

    4x4 puzzles are uniform among all with so many empty cells. Larger ones are generated one by
    one, milliseconds each; give ``puzzles`` where speed matters.

    Args:
        size: N, 4, 6 or 9.
        empties: How many cells are empty, or (fewest, most) to draw from; None for ``usual``.
        puzzles: (M, N, N) boards to draw from, in place of ``size`` and ``empties``.
        usual: How many cells are empty where nothing is said.

    Raises:
        ValueError: If an argument is not as above, or a puzzle has no solution or several.
    """

    def __init__(
        self, size: int, empties: Empties | None, puzzles: ArrayLike | None, usual: int
    ) -> None:
        box_shape(size)  # refuses other sizes
        self._given = None
        if puzzles is not None:
            if empties is not None:
                raise ValueError(
                    f"empties expected None where puzzles are given, got {empties!r}: the puzzles "
                    "have as many empty cells as they have"
                )
            self._given = with_solutions(puzzles)
            size = self._given[0].shape[1]
        self.size = size
        self._fewest, self._most = _checked_empties(size, usual if empties is None else empties)

    @property
    def cells_made(self) -> int:
        """How many cells an episode costs to make, for `Episodes`: 4x4 boards come in bulk."""
        return self.size**2 if self.size == 4 or self._given is not None else 1 << 17

    def episodes(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the puzzle and solution, (M, N, N) int8 each, of each key."""
        if self._given is not None:
            chosen = draw_below(keys, _PUZZLE, len(self._given[0]))
            return self._given[0][chosen], self._given[1][chosen]
        empties = self._fewest + draw_below(keys, _EMPTIES, self._most - self._fewest + 1)
        puzzles = np.zeros((len(keys), self.size, self.size), np.int8)
        solutions = puzzles.copy()
        for number in np.unique(empties):
            which = np.flatnonzero(empties == number)
            puzzles[which], solutions[which] = self._with_empties(int(number), keys[which])
        return puzzles, solutions

    def cells(self, keys: np.ndarray, puzzles: np.ndarray) -> np.ndarray:
        """Return one empty cell of each puzzle, (M,) int64, each equally likely."""
        empty = puzzles.reshape(len(puzzles), -1) == 0
        rank = np.zeros(len(puzzles), np.int64)
        for number in np.unique(empty.sum(axis=1)):
            which = np.flatnonzero(empty.sum(axis=1) == number)
            rank[which] = draw_below(keys[which], _CELL, int(number))
        return (empty.cumsum(axis=1) > rank[:, None]).argmax(axis=1)

    def _with_empties(self, number: int, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        clues = self.size**2 - number
        if self.size == 4:
            every = sudokus_4x4(clues)
            return masked_grids(every[draw_below(keys, _PUZZLE, len(every))])
        made = [
            generate_sudoku(self.size, 1, np.random.default_rng(int(key)), clues) for key in keys
        ]
        puzzles, solutions = zip(*made, strict=True)
        return np.concatenate(puzzles), np.concatenate(solutions)


def with_solutions(puzzles: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return puzzles and their solutions, (M, N, N) int8 each.

    Raises:
        ValueError: If these are not boards, one is full, or one has no solution or several.
    """
    puzzles = as_boards(puzzles)
    if puzzles.ndim != 3 or len(puzzles) == 0:
        raise ValueError(f"puzzles: expected shape (M, N, N) with M >= 1, got {puzzles.shape}")
    full = (puzzles > 0).all(axis=(1, 2))
    if full.any():
        raise ValueError(f"puzzle {full.argmax()} has no empty cell: nothing is left to do")
    solutions = np.zeros_like(puzzles)
    for number, puzzle in enumerate(puzzles):
        count, solution = _solve(puzzle)
        if count != 1:
            raise ValueError(
                f"puzzle {number} has {'no solution' if count == 0 else 'several solutions'}, "
                "expected exactly one"
            )
        solutions[number] = solution
    return puzzles.copy(), solutions


def _solve(puzzle: np.ndarray) -> tuple[int, np.ndarray | None]:
    if len(puzzle) != 4:
        exact = solve_exactly(puzzle)
        return exact.n_solutions, exact.solution
    grids = all_grids_4x4()
    fits = ((puzzle == 0) | (puzzle == grids)).all(axis=(1, 2))
    return int(fits.sum()), grids[fits.argmax()]


def _checked_empties(size: int, empties: Empties) -> tuple[int, int]:
    most = size * size - FEWEST_CLUES[size]
    both = empties if isinstance(empties, tuple | list) else (empties, empties)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in both)
    if len(both) != 2 or not whole or not 1 <= both[0] <= both[1] <= most:
        raise ValueError(
            f"empties expected 1 to {most} for a {size}x{size} Sudoku with one solution, or "
            f"(fewest, most) of these, got {empties!r}"
        )
    return int(both[0]), int(both[1])
