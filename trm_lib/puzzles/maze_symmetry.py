"""The eight turns of a square maze, and random ones as data augmentation.

A turn t from 0 to 3 is t quarter turns clockwise. A turn t from 4 to 7 is a mirror image, left and
right swapped, and then t - 4 quarter turns clockwise. So 0 leaves a maze as it is, 6 swaps top and
bottom, 5 and 7 reflect it in a diagonal. A quarter turn makes direction d into (d + 1) % 4, the
mirror image makes it into -d % 4. 1 and 3 undo each other; every other turn undoes itself.

Axes: B mazes, n rows and columns, L = n * n cells.
"""

from functools import lru_cache

import numpy as np

from trm_lib.puzzles.maze import Mazes, check_walls
from trm_lib.puzzles.sudoku_symmetry import check_rng

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
