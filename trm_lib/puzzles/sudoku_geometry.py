"""Where the cells of a Sudoku board lie: sizes, boxes, rows and columns.

Legend of the Sudoku modules: B puzzles, N board size (4, 6 or 9), L = N * N cells, numbered row
by row. Boards are integer arrays (int8), 0 = empty, 1..N = digits.
"""

from functools import lru_cache

import numpy as np

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


def as_boards(boards: np.ndarray, name: str = "puzzles") -> np.ndarray:
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
