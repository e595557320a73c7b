"""The eight turns of a square maze, and random ones as data augmentation.

A turn t from 0 to 3 is t quarter turns clockwise. A turn t from 4 to 7 is a mirror image, left and
right swapped, and then t - 4 quarter turns clockwise. So 0 leaves a maze as it is, 6 swaps top and
bottom, 5 and 7 reflect it in a diagonal. A quarter turn makes direction d into (d + 1) % 4, the
mirror image makes it into -d % 4. 1 and 3 undo each other; every other turn undoes itself.

Axes: B mazes, n rows and columns, L = n * n cells.

Naming the layouts of mazes, so that data can be split by them, and listing the small trees.

A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most of
what is to be learned about them, so they belong on the same side of a split.

Axes: B mazes, n rows and columns.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from trm_lib.checks import check_rng
from trm_lib.puzzles.maze import Mazes, check_walls
from trm_lib.puzzles.splits import mix64

_UNDONE_BY = np.array([0, 3, 2, 1, 4, 5, 6, 7])


def turn_mazes(mazes: Mazes, turns: np.ndarray) -> Mazes:
    """Turn each maze, with its start and goal.

    Args:
        mazes: B of them.
        turns: (B,) integers 0 to 7, one a maze.

    Returns:
        New mazes; distances and paths turn with them (``turn_cells``).

    Raises:
        ValueError: If the turns are not as above.
    """
    turns = _check_turns(turns, len(mazes))
    lands_on = _taken_from(mazes.size)[_UNDONE_BY[turns]]  # (B, L)
    start, goal = (lands_on[np.arange(len(mazes)), at] for at in (mazes.start, mazes.goal))
    return Mazes(turn_walls(mazes.walls, turns), start, goal)


def augment_mazes(mazes: Mazes, rng: np.random.Generator) -> Mazes:
    """Turn each maze by its own random turn, each of the eight equally likely.

    Where labels must turn along, draw ``turns = rng.integers(8, size=len(mazes))`` and pass them
    to ``turn_mazes`` and ``turn_cells``.

    Args:
        mazes: B of them.
        rng: Source of randomness.

    Raises:
        ValueError: If ``rng`` is not a Generator.
    """
    check_rng(rng)
    return turn_mazes(mazes, rng.integers(8, size=len(mazes)))


def turn_walls(walls: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Turn layouts: cells move, and the walls around them change direction.

    Args:
        walls: (B, n, n) integers, as in ``Mazes``.
        turns: (B,) integers 0 to 7, one a maze.

    Returns:
        (B, n, n) uint8, a new array.

    Raises:
        ValueError: If an argument is not as above.
    """
    walls = check_walls(walls)
    turns = _check_turns(turns, len(walls))
    return _turned_bits()[turns[:, None, None], turn_cells(walls, turns)]


def turn_cells(cells: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Move what is written in the cells (labels, distances) as the turns move the cells.

    Directions are not changed: use ``turn_walls`` for walls.

    Args:
        cells: (B, n, n), any dtype.
        turns: (B,) integers 0 to 7, one a maze.

    Returns:
        (B, n, n) of the same dtype, a new array.

    Raises:
        ValueError: If an argument is not as above.
    """
    cells = np.asarray(cells)
    if cells.ndim != 3 or cells.shape[1] != cells.shape[2]:
        raise ValueError(
            f"cells: expected shape (B, n, n), got {cells.shape}: pass those of one maze as "
            "cells[None]"
        )
    turns = _check_turns(turns, len(cells))
    flat = cells.reshape(len(cells), cells.shape[1] ** 2)
    taken_from = _taken_from(cells.shape[1])[turns]  # (B, L)
    return np.take_along_axis(flat, taken_from, axis=1).reshape(cells.shape)


def _check_turns(turns: np.ndarray, count: int) -> np.ndarray:
    turns = np.asarray(turns)
    if turns.shape != (count,) or turns.dtype.kind not in "iu":
        raise ValueError(
            f"turns: expected ({count},) integers, one a maze, got {turns.dtype} of shape "
            f"{turns.shape}"
        )
    wrong = turns[(turns < 0) | (turns > 7)]
    if len(wrong):
        raise ValueError(f"turns: expected 0 to 7, got {wrong[0]}: there are eight turns")
    return turns


@lru_cache
def _taken_from(size: int) -> np.ndarray:
    """Return (8, L) int64, read-only: the cell whose place each cell takes over, by turn."""
    upright = np.arange(size * size).reshape(size, size)
    both = (upright, upright[:, ::-1])
    table = np.stack([np.rot90(cells, -quarters) for cells in both for quarters in range(4)])
    table = table.reshape(8, size * size)
    table.flags.writeable = False
    return table


@lru_cache
def _turned_bits() -> np.ndarray:
    """Return (8, 16) uint8, read-only: what the walls of a cell become, by turn."""
    table = np.zeros((8, 16), np.uint8)
    for turn in range(8):
        for direction in range(4):
            mirrored = -direction if turn >= 4 else direction
            has_wall = np.arange(16) >> direction & 1
            table[turn] |= (has_wall << (mirrored + turn) % 4).astype(np.uint8)
    table.flags.writeable = False
    return table


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
