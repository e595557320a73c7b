"""Reading a Sudoku from text or numbers, and writing it as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isqrt
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.sudoku_geometry import SIZES, as_boards

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
    board = as_boards(board, "board")
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
