"""Exact Sudoku solving: the solution, whether it is the only one, and how hard it was to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.sudoku_cover import clues_of, cover, from_clues, search, to_board
from trm_lib.puzzles.sudoku_format import parse_sudoku


@dataclass(frozen=True)
class ExactResult:
    """What the exact solver found.

    Attributes:
        solution: (N, N) int8, the first solution found, or None if there is none.
        n_solutions: 0, 1, or 2 meaning "2 or more".
        backtracks: Guesses from which singles led to a contradiction, until a second
            solution turned up or none was left: 0 when naked and hidden singles (and lucky
            guesses) solve the board.
    """

    solution: np.ndarray | None
    n_solutions: int
    backtracks: int


def solve_exactly(board: str | ArrayLike) -> ExactResult:
    """Solve one Sudoku and say whether its solution is the only one.

    Naked and hidden singles are placed first. Then comes a guess where the fewest are possible:
    the digit of a cell, or the cell of a digit in a row, a column or a box; smallest digit or
    first cell first. The answer is exact and the same on every run.

    Args:
        board: One board, anything that ``parse_sudoku`` reads. Clashing clues are allowed: they
            have no solution.

    Returns:
        The solution, the number of solutions (0, 1, or 2 for "2 or more") and the backtracks.

    Raises:
        ValueError: If the board cannot be read.
    """
    board = parse_sudoku(board)
    rules = cover(len(board))
    first, found, dead_ends = search(rules, from_clues(rules, clues_of(board)), limit=2)
    return ExactResult(to_board(rules, first) if found else None, found, dead_ends)


def count_solutions(board: str | ArrayLike, limit: int | None = 2) -> int:
    """Count the solutions of one Sudoku, one by one.

    Warning: ``limit=None`` may run for ever. A 9x9 board with few clues has more solutions than
    could ever be counted so (the empty one 6,670,903,752,021,072,936,960). Set a limit on any
    board whose count you do not know to be small.

    Args:
        board: One board, anything that ``parse_sudoku`` reads.
        limit: Stop counting here; None counts all, some ten thousand a second: see the warning.

    Returns:
        The number of solutions, at most ``limit``.

    Raises:
        ValueError: If the board cannot be read or ``limit`` is not an integer of at least 1.
    """
    if limit is not None and (not isinstance(limit, int | np.integer) or limit < 1):
        raise ValueError(f"expected limit >= 1 or None (count all), got {limit!r}: pass an integer")
    board = parse_sudoku(board)
    rules = cover(len(board))
    return search(rules, from_clues(rules, clues_of(board)), limit)[1]
