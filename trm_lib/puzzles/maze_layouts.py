"""Naming the layouts of mazes, so that data can be split by them, and listing the small trees.

A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most of
what is to be learned about them, so they belong on the same side of a split.

Axes: B mazes, n rows and columns.
"""

from functools import lru_cache

import numpy as np

from trm_lib.puzzles.hashing import mix64
from trm_lib.puzzles.maze import check_walls
from trm_lib.puzzles.maze_symmetry import turn_walls


def layout_key(walls: np.ndarray) -> np.ndarray:
    """Return a number that names each layout: the key for splitting data that is never turned.

    For n up to 6 the walls inside fit into one word (60 bits for n = 6), and two layouts of one
    size never share a key. Beyond, and between sizes, they share one only where 64-bit hashes
    collide.

    Args:
        walls: (B, n, n) integers, as in ``Mazes``.

    Returns:
        (B,) uint64, the same on every machine.

    Raises:
        ValueError: If the walls are not those of mazes.
    """
    return _keys(check_walls(walls))


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Return a number that turned copies of a layout share: the key where training augments.

    It is the least ``layout_key`` among the eight turns. For n up to 6, two layouts of one size
    share it exactly when one is a turn of the other.

    Args:
        walls: (B, n, n) integers, as in ``Mazes``.

    Returns:
        (B,) uint64, the same on every machine.

    Raises:
        ValueError: If the walls are not those of mazes.
    """
    walls = check_walls(walls)
    least = _keys(walls)
    for turn in range(1, 8):
        turned = turn_walls(walls, np.full(len(walls), turn))
        least = np.minimum(least, _keys(turned))
    return least


@lru_cache
def all_trees(size: int) -> np.ndarray:
    """Return every layout without loops in which all cells are joined, each once.

    They are the spanning trees of the grid: 4 for n = 2, 192 for n = 3, 100,352 for n = 4, as
    Kirchhoff's theorem counts them.

    Args:
        size: n, 2 to 4.

    Returns:
        (count, n, n) uint8 walls as in ``Mazes``, read-only, in lexicographic order of the cells
        read row by row. Computed at the first call, then kept.

    Raises:
        ValueError: If ``size`` is something else: there are 557,568,000 trees for n = 5.
    """
    if not isinstance(size, int | np.integer) or size not in (2, 3, 4):
        raise ValueError(
            f"size expected 2, 3 or 4, got {size!r}: larger mazes have too many trees to list, "
            "draw some with generate_mazes"
        )
    n_cells = size * size
    # Partial trees: the openings right of and below the cells passed so far have been decided.
    # ``last`` names each part that hangs together by its last cell.
    walls = np.full((1, n_cells), 15, np.uint8)
    last = np.arange(n_cells)[None]  # (S, L)
    for cell in range(n_cells):
        row, column = divmod(cell, size)
        right = [(cell + 1, 2, 8)] if column < size - 1 else []
        below = [(cell + size, 4, 1)] if row < size - 1 else []
        for there, bit, opposite in right + below:
            apart = last[:, cell] != last[:, there]  # opening it makes no loop
            opened, joined = walls[apart], last[apart]
            opened[:, cell] -= bit
            opened[:, there] -= opposite
            ends = np.sort(joined[:, [cell, there]], axis=1)
            joined = np.where(joined == ends[:, :1], ends[:, 1:], joined)
            walls, last = np.concatenate([walls, opened]), np.concatenate([last, joined])
        if cell < n_cells - 1:
            goes_on = last[:, cell] != cell  # else its part is cut off from the cells to come
            walls, last = walls[goes_on], last[goes_on]
    trees = walls[np.lexsort(walls.T[::-1])].reshape(-1, size, size)
    trees.flags.writeable = False
    return trees


def _keys(walls: np.ndarray) -> np.ndarray:
    count, size = walls.shape[:2]
    right = walls[:, :, :-1] >> 1 & 1  # (B, n, n - 1)
    below = walls[:, :-1] >> 2 & 1  # (B, n - 1, n)
    half = size * (size - 1)
    bits = np.concatenate([right.reshape(count, half), below.reshape(count, half)], axis=1)
    key = mix64(np.full(count, size))
    for start in range(0, bits.shape[1], 64):
        part = bits[:, start : start + 64].astype(np.uint64)
        word = (part << np.arange(part.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        key = mix64(key ^ word)  # a bijection of the word
    return key
