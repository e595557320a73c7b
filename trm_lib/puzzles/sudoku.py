"""The Sudoku board: sizes, boxes and rules: no digit stands twice in a row, a column or a box.

Legend of the Sudoku modules: B puzzles, N board size (`SIZES`), L = N * N cells, numbered row by
row. Boards are integer arrays (int8), 0 = empty, 1..N = digits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4), 25: (5, 5)}
SIZES = "4, 6, 9, 16 or 25"


def box_shape(size: int) -> tuple[int, int]:
    """How many rows and columns a box has: (2, 2) of 4x4 boards, (2, 3), (3, 3), (4, 4), (5, 5)."""
    if size not in BOX_SHAPES:
        raise ValueError(f"expected a board size of {SIZES}, got {size!r}: choose one of those")
    return BOX_SHAPES[size]


@lru_cache
def units(size: int) -> np.ndarray:
    """The cells of every unit, the groups in which each digit stands once.

    Args:
        size: N.

    Returns:
        (3N, N) int64, read-only: N rows, then N columns, then N boxes (left to right, then down).
    """
    box_rows, box_cols = box_shape(size)
    cells = np.arange(size * size).reshape(size, size)
    boxes = cells.reshape(size // box_rows, box_rows, size // box_cols, box_cols)
    boxes = boxes.swapaxes(1, 2).reshape(size, size)
    table = np.concatenate([cells, cells.T, boxes])
    table.flags.writeable = False
    return table


def check_boards(boards: np.ndarray, name: str = "puzzles") -> np.ndarray:
    """Check that an array holds boards and return it as int8.

    Args:
        boards: (..., N, N) integers 0..N.
        name: what to call the array in an error.
    """
    boards = np.asarray(boards)
    size = boards.shape[-1] if boards.ndim else 0
    if boards.shape[-2:] != (size, size) or size not in BOX_SHAPES:
        raise ValueError(
            f"{name}: expected shape (..., N, N) with N = {SIZES}, got {boards.shape}: "
            "reshape flat boards to (..., N, N)"
        )
    if boards.dtype.kind not in "iu" or ((boards < 0) | (boards > size)).any():
        raise ValueError(
            f"{name}: expected integers 0 to {size} (0 = empty), got {boards.dtype} "
            f"{np.unique(boards)}"
        )
    return boards.astype(np.int8, copy=False)


def is_solution(puzzles: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Say which answers solve their puzzles: full, clues kept, every unit holds each digit once.

    Answers are judged, not trusted: any integer may stand in them.

    Args:
        puzzles: (..., N, N) integers 0..N, 0 = empty.
        answers: (..., N, N) integers, the same shape.

    Returns:
        (...) bool.
    """
    puzzles, answers = check_boards(puzzles), np.asarray(answers)
    if answers.shape != puzzles.shape or answers.dtype.kind not in "iu":
        raise ValueError(
            f"expected integer answers of shape {puzzles.shape}, one a puzzle, got "
            f"{answers.dtype} of shape {answers.shape}: take the argmax over digits"
        )
    size = puzzles.shape[-1]
    legal = (answers >= 1) & (answers <= size)
    bits = 1 << np.where(legal, answers, 0).astype(np.int64)  # digit d as bit d, illegal as bit 0
    bits = bits.reshape(*bits.shape[:-2], size * size)
    in_units = np.bitwise_or.reduce(bits[..., units(size)], axis=-1)  # (..., 3N)
    obeys_rules = (in_units == 2 ** (size + 1) - 2).all(axis=-1)  # every digit is in every unit
    keeps_clues = ((puzzles == 0) | (puzzles == answers)).all(axis=(-2, -1))
    return obeys_rules & keeps_clues
