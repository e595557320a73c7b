"""Mazes as boards of tokens, cell by cell or pixel by pixel, and their shortest paths as labels.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.
"""

from __future__ import annotations

import numpy as np

from trm_lib.puzzles.maze import Mazes
from trm_lib.puzzles.maze_distances import shortest_path_cells
from trm_lib.puzzles.maze_picture import label_picture, wall_pixels

CELL_TOKENS, PIXEL_TOKENS = 48, 4
"""How many different tokens there are."""


def maze_tokens(mazes: Mazes) -> np.ndarray:
    """One token a cell: its four wall bits, plus 16 at the start and 32 at the goal.

    Returns:
        (B, n, n) int64, from 0 to 47.
    """
    tokens, each = mazes.walls.reshape(len(mazes), -1).astype(np.int64), np.arange(len(mazes))
    tokens[each, mazes.start] += 16
    tokens[each, mazes.goal] += 32
    return tokens.reshape(mazes.walls.shape)


def maze_labels(mazes: Mazes) -> np.ndarray:
    """1 where a cell lies on a shortest path, else 0: (B, n, n) int64.

    Raises:
        ValueError: If some maze has no path from start to goal.
    """
    return shortest_path_cells(mazes).astype(np.int64)


def pixel_tokens(mazes: Mazes) -> np.ndarray:
    """The maze as in ``maze_picture``: 0 wall, 1 free, 2 start, 3 goal: (B, P, P) int64."""
    tokens, each = (~wall_pixels(mazes.walls)).astype(np.int64), np.arange(len(mazes))
    for cells, token in ((mazes.start, 2), (mazes.goal, 3)):
        rows, columns = np.divmod(cells, mazes.size)
        tokens[each, 2 * rows + 1, 2 * columns + 1] = token
    return tokens


def pixel_labels(mazes: Mazes) -> np.ndarray:
    """1 where a pixel lies on a shortest path, else 0: (B, P, P) int64.

    Raises:
        ValueError: If some maze has no path from start to goal.
    """
    return label_picture(shortest_path_cells(mazes), mazes.walls).astype(np.int64)
