"""The rules of Sudoku: no digit twice in a row, a column or a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.sudoku_format import parse_sudoku
from trm_lib.puzzles.sudoku_geometry import as_boards, units


def check_sudoku(board: str | ArrayLike) -> None:
    """Refuse a board on which a digit stands twice in a unit.

    A board that passes may still have no solution, or several: ask ``solve_exactly``.

    Args:
        board: One board, anything that ``parse_sudoku`` reads.

    Raises:
        ValueError: If two cells clash, naming the digit, the unit and both cells; or if the
            board cannot be read.
    """
    board = parse_sudoku(board)
    size = len(board)
    for number, cells in enumerate(units(size)):
        digits = board.reshape(-1)[cells]
        for digit in range(1, size + 1):
            places = cells[digits == digit][:2]
            if len(places) == 2:
                unit, where = _describe(number, places, size)
                raise ValueError(
                    f"digit {digit} stands twice in {unit}: {where}; empty or change one of them"
                )


def is_solution(puzzles: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Say which answers solve their puzzles: full, clues kept, every unit holds each digit once.

    Answers are judged, not trusted: any integer may stand in them.

    Args:
        puzzles: (..., N, N) integers 0..N, 0 = empty.
        answers: (..., N, N) integers, the same shape.

    Returns:
        (...) bool.

    Raises:
        ValueError: If the shapes differ, or either array does not hold boards of integers.
    """
    puzzles, answers = as_boards(puzzles), np.asarray(answers)
    if answers.shape != puzzles.shape:
        raise ValueError(
            f"expected answers of shape {puzzles.shape}, one a puzzle, got {answers.shape}: "
            "reshape them like the puzzles"
        )
    if answers.dtype.kind not in "iu":
        raise ValueError(
            f"expected integer answers, got dtype {answers.dtype}: take the argmax over digits"
        )
    size = puzzles.shape[-1]
    legal = (answers >= 1) & (answers <= size)
    bits = 1 << np.where(legal, answers, 0).astype(np.int64)  # digit d as bit d, illegal as bit 0
    bits = bits.reshape(*bits.shape[:-2], size * size)
    in_units = np.bitwise_or.reduce(bits[..., units(size)], axis=-1)  # (..., 3N)
    every_digit = 2 ** (size + 1) - 2
    obeys_rules = (in_units == every_digit).all(axis=-1)
    keeps_clues = ((puzzles == 0) | (puzzles == answers)).all(axis=(-2, -1))
    return obeys_rules & keeps_clues


def _describe(number: int, places: np.ndarray, size: int) -> tuple[str, str]:
    """Name a unit and two cells in it, counting from 1."""
    (row_a, column_a), (row_b, column_b) = (divmod(int(cell), size) for cell in places)
    kind, index = divmod(number, size)
    if kind == 0:
        return f"row {index + 1}", f"columns {column_a + 1} and {column_b + 1}"
    if kind == 1:
        return f"column {index + 1}", f"rows {row_a + 1} and {row_b + 1}"
    first = f"row {row_a + 1}, column {column_a + 1}"
    return f"box {index + 1}", f"{first} and row {row_b + 1}, column {column_b + 1}"
