"""Filling dead ends, an old way to solve a maze: give up what leads nowhere, again and again.

Axes: B mazes, n rows and columns.
"""

from __future__ import annotations

import numpy as np

from trm_lib.puzzles.maze import Mazes, passages


def filling_rounds(mazes: Mazes) -> np.ndarray:
    """Say in which round each cell is given up when dead ends are filled, all at once, in rounds.

    A dead end is a cell with at most one open neighbour that is left; the start and the goal never
    are. In a tree the path from start to goal is left, and nothing else; a loop is left whole.

    Args:
        mazes: B mazes.

    Returns:
        (B, n, n) int64, from 1 on; 0 for cells that are left.
    """
    is_open = passages(mazes.walls)
    each, ends = np.arange(len(mazes)), np.zeros((len(mazes), mazes.size**2), bool)
    ends[each, mazes.start] = ends[each, mazes.goal] = True
    ends = ends.reshape(mazes.walls.shape)
    rounds, now = np.zeros(mazes.walls.shape, np.int64), 0
    while True:
        p = np.pad(rounds == 0, [(0, 0), (1, 1), (1, 1)])
        beside = p[:, :-2, 1:-1], p[:, 1:-1, 2:], p[:, 2:, 1:-1], p[:, 1:-1, :-2]  # up, right, ...
        ways = (is_open & np.stack(beside, axis=-1)).sum(-1)
        dead = (rounds == 0) & ~ends & (ways <= 1)
        if not dead.any():
            return rounds
        now += 1
        rounds[dead] = now
