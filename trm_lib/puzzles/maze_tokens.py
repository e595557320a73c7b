"""Mazes as boards of tokens, cell by cell or pixel by pixel, and their shortest paths as labels.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.maze import SIZES, Mazes, check_walls
from trm_lib.puzzles.maze_distances import shortest_path_cells
from trm_lib.puzzles.maze_picture import label_picture, only_cell, wall_pixels

CELL_TOKENS, PIXEL_TOKENS = 48, 4
"""How many different tokens there are."""

_TOKEN = "a cell's token is its wall bits, plus 16 at the start and 32 at the goal"


def maze_tokens(mazes: Mazes) -> np.ndarray:
    """One token a cell: its four wall bits, plus 16 at the start and 32 at the goal.

    Returns:
        (B, n, n) int64, from 0 to 47.
    """
    tokens, each = mazes.walls.reshape(len(mazes), -1).astype(np.int64), np.arange(len(mazes))
    tokens[each, mazes.start] += 16
    tokens[each, mazes.goal] += 32
    return tokens.reshape(mazes.walls.shape)


def read_maze_tokens(tokens: ArrayLike) -> Mazes:
    """Read mazes from boards of tokens such as ``maze_tokens`` makes.

    Args:
        tokens: (B, n, n) integers from 0 to 47, or (n, n) for one; n from 2 to 128.

    Returns:
        B mazes.

    Raises:
        ValueError: If the array is not as above, or some board is not one of a maze; the message
            names the maze from 0, and a cell's row and column from 1.
    """
    tokens = np.asarray(tokens)
    shape, tokens = tokens.shape, tokens[None] if tokens.ndim == 2 else tokens
    if tokens.ndim != 3 or tokens.shape[1] != tokens.shape[2] or tokens.shape[1] not in SIZES:
        raise ValueError(
            f"tokens: expected shape (B, n, n) or (n, n) with n from 2 to 128, got {shape}: pass "
            "one token a cell, in as many rows as columns"
        )
    if tokens.dtype.kind not in "iu":
        raise ValueError(
            f"tokens: expected integers 0 to {CELL_TOKENS - 1}, got {tokens.dtype}: {_TOKEN}"
        )
    wrong = np.argwhere((tokens < 0) | (tokens >= CELL_TOKENS))
    if len(wrong):
        maze, row, column = wrong[0]
        raise ValueError(
            f"tokens: maze {maze} holds {tokens[maze, row, column]} in row {row + 1}, column "
            f"{column + 1}, expected 0 to {CELL_TOKENS - 1}: {_TOKEN}"
        )
    start = only_cell(tokens & 16 > 0, "tokens: maze", "start", "add 16 to the token of one cell")
    goal = only_cell(tokens & 32 > 0, "tokens: maze", "goal", "add 32 to the token of one cell")
    return Mazes(check_walls(tokens & 15, "tokens"), start, goal)


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
