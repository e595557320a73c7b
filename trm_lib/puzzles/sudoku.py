"""The Sudoku board: sizes, boxes and rules, and reading and writing it.

No digit stands twice in a row, a column or a box.

Legend of the Sudoku modules: B puzzles, N board size (4, 6 or 9), L = N * N cells, numbered row
by row. Boards are integer arrays (int8), 0 = empty, 1..N = digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike

_BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
_SYMBOLS = {".": 0, "_": 0} | {str(digit): digit for digit in range(10)}


def box_shape(size: int) -> tuple[int, int]:
    """How many rows and columns a box has, on boards of 4x4, 6x6 and 9x9: 2x2, 2x3 or 3x3."""
    if size not in _BOX_SHAPES:
        raise ValueError(f"expected a board size of 4, 6 or 9, got {size!r}: choose one of those")
    return _BOX_SHAPES[size]


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
    if boards.shape[-2:] != (size, size) or size not in _BOX_SHAPES:
        raise ValueError(
            f"{name}: expected shape (..., N, N) with N = 4, 6 or 9, got {boards.shape}: "
            "reshape flat boards to (..., N, N)"
        )
    if boards.dtype.kind not in "iu" or ((boards < 0) | (boards > size)).any():
        raise ValueError(
            f"{name}: expected integers 0 to {size} (0 = empty), got {boards.dtype} "
            f"{np.unique(boards)}"
        )
    return boards.astype(np.int8, copy=False)


def check_sudoku(board: str | ArrayLike) -> None:
    """Refuse a board on which a digit stands twice in a unit; the message names both cells.

    A board that passes may still have no solution, or several: ask `solve_exactly`.

    Args:
        board: one board, anything that `parse_sudoku` reads.
    """
    board = parse_sudoku(board)
    size = len(board)
    for number, cells in enumerate(units(size)):
        digits = board.reshape(-1)[cells]
        for digit in range(1, size + 1):
            places = cells[digits == digit]
            if len(places) > 1:
                unit = f"{('row', 'column', 'box')[number // size]} {number % size + 1}"
                here, there = (f"row {c // size + 1}, column {c % size + 1}" for c in places[:2])
                raise ValueError(
                    f"digit {digit} stands twice in {unit}: {here} and {there}; empty or change "
                    "one of them"
                )


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


def sudoku_text(board: np.ndarray) -> str:
    """Write one board as text such as "1...|..3.|.4..|...2"; `parse_sudoku` reads it back.

    Args:
        board: (N, N) integers 0..N, 0 = empty.
    """
    rows = parse_sudoku(board).tolist()
    return "|".join("".join(str(digit or ".") for digit in row) for row in rows)


def parse_sudoku(puzzle: str | ArrayLike) -> np.ndarray:
    """Read one Sudoku board.

    Only the form is checked here; whether the clues obey the rules is for `check_sudoku`.

    Args:
        puzzle: text such as "1...|..3.|.4..|...2": rows separated by `|` or white space, or all
            16, 36 or 81 symbols in one run; `.`, `0` and `_` are empty cells. A list of such rows,
            ["1...", "..3.", ".4..", "...2"]. Or anything NumPy reads as an (N, N) array of whole
            numbers 0..N: nested lists, arrays, tensors.

    Returns:
        (N, N) int8 board, a new array.

    Raises:
        ValueError: the board is not 4x4, 6x6 or 9x9, rows differ in length, or a cell holds
            something else than a digit of the board or an empty cell (the message names the cell).
    """
    cells = _cells(_rows(puzzle) if isinstance(puzzle, str) else puzzle)
    if cells.shape not in [(size, size) for size in _BOX_SHAPES]:
        raise ValueError(
            f"expected one board of shape (4, 4), (6, 6) or (9, 9), got shape {cells.shape}: "
            "write every cell, with '.' or 0 for an empty one"
        )
    size = len(cells)
    for (row, column), value in np.ndenumerate(cells.astype(object)):
        if isinstance(value, bool) or value not in range(size + 1):
            raise ValueError(
                f"row {row + 1}, column {column + 1} holds {value!r}: expected a digit 1 to "
                f"{size}, or '.' or '_' in text, 0 anywhere, for an empty cell"
            )
    return cells.astype(np.int8)


def _rows(text: str) -> list[str]:
    """The rows of a board of text: as they stand there, or cut out of one run of symbols."""
    rows = [row for row in re.split(r"[|\s]+", text) if row]
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        return rows
    run = "".join(rows)  # perhaps spaced out
    size = isqrt(len(run))
    if size not in _BOX_SHAPES or size * size != len(run):
        raise ValueError(
            f"expected 16, 36 or 81 symbols (a 4x4, 6x6 or 9x9 board), got {len(run)}: "
            "write every cell, with '.' for an empty one"
        )
    return [run[start : start + size] for start in range(0, len(run), size)]


def _cells(rows: ArrayLike) -> np.ndarray:
    """Whatever the cells of a board hold; symbols that are not known stay text."""
    if isinstance(rows, list | tuple) and all(isinstance(row, Sequence) for row in rows):
        for number, row in enumerate(rows, start=1):
            if len(row) != len(rows):
                raise ValueError(
                    f"row {number} has {len(row)} cells, expected {len(rows)} (as many as there "
                    "are rows): write every cell, with '.' or 0 for an empty one"
                )
        if all(isinstance(row, str) for row in rows):
            symbols = [[_SYMBOLS.get(symbol, symbol) for symbol in row] for row in rows]
            return np.array(symbols, dtype=object)
    try:
        return as_array(rows)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "expected one board as text, as rows of whole numbers of equal length, or as an "
            f"integer array, got a {type(rows).__name__} that NumPy cannot read"
        ) from error


def as_array(values: ArrayLike) -> np.ndarray:
    """The same in NumPy, a tensor that is part of a graph of gradients too."""
    return np.asarray(values.detach() if hasattr(values, "detach") else values)
