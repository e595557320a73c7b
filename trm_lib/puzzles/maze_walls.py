"""The walls of mazes: as one bit a direction in each cell, and as pixels, which are easy to turn.

Legend of the maze modules: B mazes, n rows and columns (2 to 128), L = n * n cells, numbered row by
row, P = 2 n + 1 rows and columns of pixels. Directions are 0 up, 1 right, 2 down, 3 left.

In pixels, cell (r, c) is pixel (2 r + 1, 2 c + 1), both from 0. The pixel between two neighbouring
cells is a wall or an opening. Pixels with two even coordinates, where four cells meet, are always
wall, as is the border.
"""

from functools import cache

import numpy as np

from trm_lib.puzzles.splits import mix64

SIZES = range(2, 129)


def walls_between(right: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The walls, (B, n, n) uint8, of mazes with a closed border.

    Args:
        right: (B, n, n - 1) bool, whether there is a wall right of each cell but the last.
        below: (B, n - 1, n) bool, whether there is one below.
    """
    count, size = right.shape[:2]
    across = np.ones((count, size, size + 1), np.uint8)
    along = np.ones((count, size + 1, size), np.uint8)
    across[:, :, 1:-1], along[:, 1:-1] = right, below
    return along[:, :-1] | across[:, :, 1:] << 1 | along[:, 1:] << 2 | across[:, :, :-1] << 3


def walls_inside(walls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `walls_between` makes walls of: those right of cells, and those below."""
    return walls[:, :, :-1] & 2 > 0, walls[:, :-1] & 4 > 0


def check_walls(walls: np.ndarray, name: str = "walls") -> np.ndarray:
    """Check that an array holds the walls of mazes and return it as uint8.

    Args:
        walls: (B, n, n) integers 0 to 15: bit d is set where a cell has a wall in direction d. A
            wall is seen from both of its cells, and the border is walled all round.
        name: what to call the array in an error.
    """
    walls = np.asarray(walls)
    if walls.ndim != 3 or walls.shape[1] != walls.shape[2] or walls.shape[1] not in SIZES:
        raise ValueError(
            f"{name}: expected shape (B, n, n) with n from 2 to 128, got {walls.shape}: "
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
    """Whether one can walk from a cell in each direction, (B, n, n, 4) bool."""
    return (walls[..., None] >> np.arange(4, dtype=np.uint8) & 1) == 0


@cache
def steps_to(size: int) -> np.ndarray:
    """The cell next to each in each direction, itself at a border: (L, 4) int64, read-only.

    Walls inside are not looked at.
    """
    rows, columns = np.divmod(np.arange(size * size), size)
    up, down = np.maximum(rows - 1, 0), np.minimum(rows + 1, size - 1)
    left, right = np.maximum(columns - 1, 0), np.minimum(columns + 1, size - 1)
    there = [up * size + columns, rows * size + right, down * size + columns, rows * size + left]
    table = np.stack(there, axis=1)
    table.flags.writeable = False
    return table


def wall_pixels(walls: np.ndarray) -> np.ndarray:
    """Which pixels are wall, (B, P, P) bool, for walls (B, n, n)."""
    side = 2 * walls.shape[1] + 1
    closed = np.ones((len(walls), side, side), bool)
    closed[:, 1::2, 1::2] = False
    closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2] = walls_inside(walls)
    return closed


def walls_from_pixels(closed: np.ndarray) -> np.ndarray:
    """The walls, (B, n, n) uint8, where these pixels are wall, (B, P, P) bool."""
    return walls_between(closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2])


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Name each layout by a number that its turned copies share: the key to split mazes by.

    A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most
    of what is to be learned about them, so they belong on the same side of a split.

    For n up to 6, two layouts of one size share it exactly when one is a turn of the other, or of
    its mirror image. Beyond, and between sizes, others share it only where 64-bit hashes collide.

    Args:
        walls: (B, n, n) integers, as `check_walls` wants them.

    Returns:
        (B,) uint64, the same on every machine.
    """
    upright = wall_pixels(check_walls(walls))
    turned = (np.rot90(p, k, (1, 2)) for p in (upright, upright[:, ::-1]) for k in range(4))
    return np.minimum.reduce([_keys(pixels) for pixels in turned])


def _keys(closed: np.ndarray) -> np.ndarray:
    """Name each layout, (B,) uint64; for n up to 6 its walls inside fit into one word."""
    count, size = len(closed), closed.shape[1] // 2
    half = size * (size - 1)
    right, below = closed[:, 1::2, 2:-1:2], closed[:, 2:-1:2, 1::2]
    bits = np.concatenate([right.reshape(count, half), below.reshape(count, half)], axis=1)
    key = mix64(np.full(count, size))
    for start in range(0, bits.shape[1], 64):
        part = bits[:, start : start + 64].astype(np.uint64)
        word = (part << np.arange(part.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        key = mix64(key ^ word)  # a bijection of the word
    return key
