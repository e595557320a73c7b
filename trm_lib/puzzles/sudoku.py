"""Where the cells of a Sudoku board lie: sizes, boxes, rows and columns.

Legend of the Sudoku modules: B puzzles, N board size (4, 6 or 9), L = N * N cells, numbered row
by row. Boards are integer arrays (int8), 0 = empty, 1..N = digits.

The rules of Sudoku: no digit twice in a row, a column or a box.

Reading a Sudoku from text or numbers, and writing it as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from math import isqrt
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

_BOX_SHAPES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
SIZES = tuple(_BOX_SHAPES)


def box_shape(size: int) -> tuple[int, int]:
    """Return how many rows and columns a box has: 2x2, 2x3 or 3x3.

    Raises:
        ValueError: If ``size`` is not 4, 6 or 9.
    """
    if size not in _BOX_SHAPES:
        raise ValueError(f"expected a board size of 4, 6 or 9, got {size!r}: choose one of those")
    return _BOX_SHAPES[size]


@lru_cache
def units(size: int) -> np.ndarray:
    """Return the cells of every unit, the groups in which each digit stands once.

    Args:
        size: N, the board size (4, 6 or 9).

    Returns:
        (3N, N) int64, read-only: N rows, then N columns, then N boxes (left to right, then down).

    Raises:
        ValueError: If ``size`` is not 4, 6 or 9.
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
        name: What to call the array in an error.

    Returns:
        The same boards, (..., N, N) int8.

    Raises:
        ValueError: If the shape, the dtype or a digit is not that of a Sudoku board.
    """
    boards = np.asarray(boards)
    if boards.ndim < 2 or boards.shape[-1] != boards.shape[-2] or boards.shape[-1] not in SIZES:
        raise ValueError(
            f"{name}: expected shape (..., N, N) with N = 4, 6 or 9, got {boards.shape}: "
            "reshape flat boards to (..., N, N)"
        )
    if boards.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: expected integers, got dtype {boards.dtype}: convert with .astype(np.int8)"
        )
    size = boards.shape[-1]
    if boards.size and (boards.min() < 0 or boards.max() > size):
        raise ValueError(
            f"{name}: expected digits 0 to {size} (0 = empty), got values from {boards.min()} "
            f"to {boards.max()}: remap them first"
        )
    return boards.astype(np.int8, copy=False)


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
    puzzles, answers = check_boards(puzzles), np.asarray(answers)
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


_EMPTY = ".0_"
_DIGITS = "123456789"


def parse_sudoku(puzzle: str | ArrayLike) -> np.ndarray:
    """Read one Sudoku board.

    Only the form is checked here; whether the clues obey the rules is for ``check_sudoku``.

    Args:
        puzzle: Text such as ``"1...|..3.|.4..|...2"``: rows separated by ``|`` or white space, or
            all 16, 36 or 81 symbols in one run; ``.``, ``0`` and ``_`` are empty cells. A list
            of such rows, ``["1...", "..3.", ".4..", "...2"]``. Or anything NumPy reads as an
            (N, N) array of whole numbers 0..N: nested lists, arrays, tensors.

    Returns:
        (N, N) int8 board, a new array.

    Raises:
        ValueError: If the board is not 4x4, 6x6 or 9x9, rows differ in length, or a cell holds
            something else than a digit of the board or an empty cell (the message names the cell);
            or if NumPy cannot read ``puzzle``.
    """
    values = _read_text(puzzle) if isinstance(puzzle, str) else _read_array(puzzle)
    size = values.shape[0]
    wrong = np.argwhere((values < 0) | (values > size))
    if len(wrong):
        row, column = wrong[0]
        raise _cell_error(row, column, str(values[row, column]), size)
    return values.astype(np.int8)


def sudoku_text(board: np.ndarray) -> str:
    """Write one board as text, rows separated by ``|`` and empty cells as ``.``.

    Args:
        board: (N, N) integers 0..N.

    Returns:
        Text such as ``"1...|..3.|.4..|...2"``; ``parse_sudoku`` reads it back.

    Raises:
        ValueError: If ``board`` is not one Sudoku board.
    """
    board = check_boards(board, "board")
    if board.ndim != 2:
        raise ValueError(
            f"expected one board of shape (N, N), got shape {board.shape}: write them one at a time"
        )
    symbols = "." + _DIGITS
    return "|".join("".join(symbols[digit] for digit in row) for row in board)


def _read_text(text: str) -> np.ndarray:
    rows = [row for row in re.split(r"[|\s]+", text) if row]
    if all(len(row) == 1 for row in rows) or len(rows) == 1:  # one run, perhaps spaced out
        run = "".join(rows)
        size = isqrt(len(run))
        if size not in SIZES or size * size != len(run):
            raise ValueError(
                f"expected 16, 36 or 81 symbols (a 4x4, 6x6 or 9x9 board), got {len(run)}: "
                "write every cell, with '.' for an empty one"
            )
        rows = [run[start : start + size] for start in range(0, len(run), size)]
    return _read_rows(rows)


def _read_rows(rows: Sequence[str]) -> np.ndarray:
    _require_square(rows)
    values = np.zeros((len(rows), len(rows)), dtype=np.int64)
    for row, symbols in enumerate(rows):
        for column, symbol in enumerate(symbols):
            if symbol in _DIGITS:
                values[row, column] = int(symbol)
            elif symbol not in _EMPTY:
                raise _cell_error(row, column, repr(symbol), len(rows))
    return values


def _read_array(puzzle: ArrayLike) -> np.ndarray:
    if isinstance(puzzle, list | tuple) and all(isinstance(row, Sequence) for row in puzzle):
        _require_square(puzzle)
        if all(isinstance(row, str) for row in puzzle):
            return _read_rows(puzzle)
    if hasattr(puzzle, "detach"):  # a tensor, which may be part of a graph of gradients
        puzzle = puzzle.detach()
    try:
        values = np.asarray(puzzle)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "expected one board as text, as rows of whole numbers of equal length, or as an "
            f"integer array, got a {type(puzzle).__name__} that NumPy cannot read: write every "
            "cell as one number, or turn a tensor into a dense integer one on the CPU"
        ) from error
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.shape[0] not in SIZES:
        raise ValueError(
            f"expected one board of shape (4, 4), (6, 6) or (9, 9), got shape {values.shape}: "
            "pass one board, reshaped to rows and columns"
        )
    if values.dtype.kind in "iu":
        return values
    for (row, column), value in np.ndenumerate(values):
        if not _is_whole(value):
            content = value.item() if isinstance(value, np.generic) else value
            raise _cell_error(row, column, repr(content), len(values))
    return values


def _is_whole(value: object) -> bool:
    """Say whether a cell holds a whole number; NaN, infinities and booleans do not count."""
    if isinstance(value, float | np.floating):
        return float(value).is_integer()
    return isinstance(value, Integral) and not isinstance(value, bool)


def _require_square(rows: Sequence[Sequence]) -> None:
    """Refuse ragged rows and board sizes other than 4, 6 and 9, naming the first wrong row."""
    if len(rows) not in SIZES:
        raise ValueError(
            f"expected 4, 6 or 9 rows, got {len(rows)}: "
            "write every row, and as many rows as there are columns"
        )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows):
            raise ValueError(
                f"row {number} has {len(row)} cells, expected {len(rows)} (as many as there are "
                "rows): write every cell, with '.' or 0 for an empty one"
            )


def _cell_error(row: int, column: int, content: str, size: int) -> ValueError:
    return ValueError(
        f"row {row + 1}, column {column + 1} holds {content}: expected a digit 1 to {size}, "
        "or '.' or '_' in text, 0 anywhere, for an empty cell; correct that cell"
    )
