"""The walls of mazes: as one bit a direction in each cell, and as pixels, which are easy to turn.

Legend of the maze modules: B mazes, n rows and m columns (each 2 to 128), L = n * m cells, numbered
row by row, P = 2 n + 1 rows and Q = 2 m + 1 columns of pixels. Directions are 0 up, 1 right, 2
down, 3 left.

In pixels, cell (r, c) is pixel (2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring
cells is a wall or an opening. Pixels with two even coordinates, where four cells meet, are always
wall, as is the border.
"""

from functools import cache

import numpy as np

from trm_lib.checks import whole
from trm_lib.puzzles.splits import mix64

SIZES = range(2, 129)
Size = int | tuple[int, int]
"""Rows and columns of cells: n and m, or one number for both."""


def grid_of(size: Size) -> tuple[int, int]:
    """Rows and columns, n and m, of a size; ValueError if one is not from 2 to 128."""
    if isinstance(size, tuple) and len(size) == 2:
        return tuple(whole(each, "size", SIZES[0], SIZES[-1]) for each in size)
    return (whole(size, "size", SIZES[0], SIZES[-1]),) * 2


def walls_between(right: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The walls, (B, n, m) uint8, of mazes with a closed border.

    Args:
        right: (B, n, m - 1) bool, whether there is a wall right of each cell but the last.
        below: (B, n - 1, m) bool, whether there is one below.
    """
    count, rows, columns = len(right), right.shape[1], below.shape[2]
    across = np.ones((count, rows, columns + 1), np.uint8)
    along = np.ones((count, rows + 1, columns), np.uint8)
    across[:, :, 1:-1], along[:, 1:-1] = right, below
    return along[:, :-1] | across[:, :, 1:] << 1 | along[:, 1:] << 2 | across[:, :, :-1] << 3


def walls_inside(walls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `walls_between` makes walls of: those right of cells, and those below."""
    return walls[:, :, :-1] & 2 > 0, walls[:, :-1] & 4 > 0


def check_walls(walls: np.ndarray, name: str = "walls") -> np.ndarray:
    """Check that an array holds the walls of mazes and return it as uint8.

    Args:
        walls: (B, n, m) integers 0 to 15: bit d is set where a cell has a wall in direction d. A
            wall is seen from both of its cells, and the border is walled all round.
        name: what to call the array in an error.
    """
    walls = np.asarray(walls)
    if walls.ndim != 3 or not set(walls.shape[1:]) <= set(SIZES):
        raise ValueError(
            f"{name}: expected shape (B, n, m) with n and m from 2 to 128, got {walls.shape}: "
            "pass one maze as walls[None], one of a batch as walls[i]"
        )
    if walls.dtype.kind not in "iu" or (walls.size and (walls.min() < 0 or walls.max() > 15)):
        raise ValueError(f"{name}: expected integers 0 to 15, one bit a direction, got others")
    walls = walls.astype(np.uint8, copy=False)
    expected = walls_between(*walls_inside(walls))
    wrong = np.argwhere(walls != expected)
    if len(wrong):
        maze, row, column = place = tuple(wrong[0])
        raise ValueError(
            f"{name}: maze {maze}, row {row + 1}, column {column + 1} has {walls[place]}, expected "
            f"{expected[place]}: close the border, and set a wall in both of its cells"
        )
    return walls


def passages(walls: np.ndarray) -> np.ndarray:
    """Whether one can walk from a cell in each direction, (B, n, m, 4) bool."""
    return (walls[..., None] >> np.arange(4, dtype=np.uint8) & 1) == 0


@cache
def steps_to(size: Size) -> np.ndarray:
    """The cell next to each in each direction, itself at a border: (L, 4) int64, read-only.

    Walls inside are not looked at.
    """
    n, m = grid_of(size)
    rows, columns = np.divmod(np.arange(n * m), m)
    up, down = np.maximum(rows - 1, 0), np.minimum(rows + 1, n - 1)
    left, right = np.maximum(columns - 1, 0), np.minimum(columns + 1, m - 1)
    there = [up * m + columns, rows * m + right, down * m + columns, rows * m + left]
    table = np.stack(there, axis=1)
    table.flags.writeable = False
    return table


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Which pixels are wall, (B, P, Q) bool, for walls (B, n, m)."""
    count, rows, columns = walls.shape
    closed = np.ones((count, 2 * rows + 1, 2 * columns + 1), bool)
    closed[:, 1::2, 1::2] = False
    closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2] = walls_inside(walls)
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """The walls, (B, n, m) uint8, where these pixels are wall, (B, P, Q) bool."""
    return walls_between(closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2])


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Name each layout by a number that its turned copies share: the key to split mazes by.

    A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most
    of what is to be learned about them, so they belong on the same side of a split.

    For n and m up to 6, two layouts of one size share it exactly when one is a turn of the other,
    or of its mirror image. Beyond, and between sizes, others share it only where 64-bit hashes
    collide.

    Args:
        walls: (B, n, m) integers, as `check_walls` wants them.

    Returns:
        (B,) uint64, the same on every machine.
    """
    upright = wall_pixels(check_walls(walls))
    turned = (np.rot90(p, k, (1, 2)) for p in (upright, upright[:, ::-1]) for k in range(4))
    return np.minimum.reduce([_keys(pixels) for pixels in turned])


def _keys(closed: np.ndarray) -> np.ndarray:
    """Name each layout, (B,) uint64; for n and m up to 6 its walls inside fit into one word."""
    count, rows, columns = len(closed), closed.shape[1] // 2, closed.shape[2] // 2
    right, below = closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2]
    shapes = (count, rows * (columns - 1)), (count, (rows - 1) * columns)
    bits = np.concatenate([right.reshape(shapes[0]), below.reshape(shapes[1])], axis=1)
    key = mix64(np.full(count, rows if rows == columns else rows << 8 | columns))
    for start in range(0, bits.shape[1], 64):
        part = bits[:, start : start + 64].astype(np.uint64)
        word = (part << np.arange(part.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        key = mix64(key ^ word)  # a bijection of the word
    return key
