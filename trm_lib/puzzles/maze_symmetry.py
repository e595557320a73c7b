"""The eight turns of a square maze, and names of layouts that turned copies share.

A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most of
what is to be learned about them, so they belong on the same side of a split.

A turn t from 0 to 3 is t quarter turns clockwise. A turn t from 4 to 7 is a mirror image, left and
right swapped, and then t - 4 quarter turns clockwise. A quarter turn makes direction d into
(d + 1) % 4, the mirror image makes it into -d % 4.

Axes: B mazes, n rows and columns.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from trm_lib.puzzles.maze import check_walls
from trm_lib.puzzles.splits import mix64


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Name each layout by a number that its turned copies share: the key to split mazes by.

    For n up to 6, two layouts of one size share it exactly when one is a turn of the other.
    Beyond, and between sizes, others share it only where 64-bit hashes collide.

    Args:
        walls: (B, n, n) integers, as in `Mazes`.

    Returns:
        (B,) uint64, the same on every machine.

    Raises:
        ValueError: the walls are not those of mazes.
    """
    walls = check_walls(walls)
    return np.minimum.reduce([_keys(turned_walls(walls, turn)) for turn in range(8)])


def turned_walls(walls: np.ndarray, turn: int) -> np.ndarray:
    """Turn layouts (B, n, n): cells move, and the walls around them change direction."""
    moved = np.rot90(walls[:, :, ::-1] if turn >= 4 else walls, -turn, axes=(1, 2))
    return _turned_bits(turn)[moved]


@cache
def _turned_bits(turn: int) -> np.ndarray:
    """What the walls of a cell become, (16,) uint8."""
    bits, table = np.arange(16, dtype=np.uint8), np.zeros(16, np.uint8)
    for direction in range(4):
        mirrored = -direction if turn >= 4 else direction
        table |= (bits >> direction & 1) << (mirrored + turn) % 4
    return table


def _keys(walls: np.ndarray) -> np.ndarray:
    """Name each layout, (B,) uint64; for n up to 6 its walls inside fit into one word."""
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
