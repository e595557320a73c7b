"""Filling dead ends, an old way to solve a maze: give up what leads nowhere, again and again.

Axes: B mazes, n rows and columns.

Mazes as boards of tokens, cell by cell or pixel by pixel, and their shortest paths as labels.

Axes: B mazes, n rows and columns, P = 2 n + 1 rows and columns of pixels.

Ways through one maze, from its start to its goal: over marked cells, and a shortest one.

Axes: n rows and columns, P cells of a way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.puzzles.maze import (
    SIZES,
    Mazes,
    check_marks,
    check_walls,
    maze_distances,
    passages,
    shortest_path_cells,
    steps_to,
)
from trm_lib.puzzles.maze_text import label_picture, only_cell, wall_pixels


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


def marked_way(maze: Mazes, marks: np.ndarray) -> np.ndarray | None:
    """Walk over marked cells from the start to the goal, if they leave no choice.

    Nothing is searched for: from every cell exactly one marked cell is next that was not walked
    over before, and at the goal every marked cell was.

    Args:
        maze: One maze.
        marks: (n, n) bool.

    Returns:
        (P,) int64 cell numbers from start to goal, or None if the marks are no such way.

    Raises:
        ValueError: If there are several mazes, or ``marks`` is not as above.
    """
    start, goal, is_open = _read(maze)
    left = check_marks(marks, maze.size).flatten()  # marked, and not walked over
    here = start
    way = [here]
    if not left[here]:
        return None
    left[here] = False
    while here != goal:
        ahead = steps_to(maze.size)[here][is_open[here]]
        ahead = ahead[left[ahead]]
        if len(ahead) != 1:
            return None
        here = int(ahead[0])
        way.append(here)
        left[here] = False
    return None if left.any() else np.array(way)


def shortest_way(maze: Mazes) -> np.ndarray:
    """Find a shortest way, by breadth-first search.

    Args:
        maze: One maze.

    Returns:
        (P,) int64 cell numbers from start to goal.

    Raises:
        ValueError: If there are several mazes, or no way.
    """
    start, goal, is_open = _read(maze)
    to_goal = maze_distances(maze.walls, maze.goal).reshape(-1)
    if to_goal[start] < 0:
        raise ValueError(
            "expected a maze with a way from its start to its goal, got one with none: open a wall "
            "between them"
        )
    way = [start]
    while way[-1] != goal:
        ahead = steps_to(maze.size)[way[-1]][is_open[way[-1]]]
        way.append(int(ahead[to_goal[ahead].argmin()]))
    return np.array(way)


def _read(maze: Mazes) -> tuple[int, int, np.ndarray]:
    """Return the start, the goal, and in which directions one can walk, (L, 4) bool."""
    if len(maze) != 1:
        raise ValueError(f"expected one maze, got {len(maze)}: pass them one at a time, mazes[i]")
    return int(maze.start[0]), int(maze.goal[0]), passages(maze.walls).reshape(-1, 4)
