"""Exact distances in mazes, by a wave that spreads through a whole batch at once.

Axes: B mazes, n rows and columns, L = n * n cells.
"""

import numpy as np

from trm_lib.puzzles.maze import Mazes, check_walls


def maze_distances(walls: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Count the steps from one cell to every cell of its maze.

    Args:
        walls: (B, n, n) uint8, as in ``Mazes``.
        source: (B,) integers, cell numbers.

    Returns:
        (B, n, n) int32, -1 where no path leads.

    Raises:
        ValueError: If the walls are not those of mazes, or a source is not one of their cells.
    """
    walls, source = check_walls(walls), np.asarray(source)
    count, size = walls.shape[:2]
    if source.shape != (count,) or source.dtype.kind not in "iu":
        raise ValueError(f"source: expected ({count},) integers, got {source.dtype} {source.shape}")
    if count and (source.min() < 0 or source.max() >= size * size):
        raise ValueError(
            f"source: expected cells from 0 to {size * size - 1}, got {source.min()} to "
            f"{source.max()}"
        )
    return _spread(walls, source)


def distance_table(walls: np.ndarray) -> np.ndarray:
    """Count the steps between any two cells.

    Args:
        walls: (B, n, n) uint8, as in ``Mazes``.

    Returns:
        (B, L, L) int32, [b, s, c] from s to c, -1 where no path leads.

    Raises:
        ValueError: If the walls are not those of mazes.
    """
    walls = check_walls(walls)
    n_cells = walls.shape[1] ** 2
    sources = np.tile(np.arange(n_cells), len(walls))
    return _spread(np.repeat(walls, n_cells, axis=0), sources).reshape(-1, n_cells, n_cells)


def shortest_path_cells(mazes: Mazes) -> np.ndarray:
    """Mark the cells that lie on a shortest path: d(start, c) + d(c, goal) = d(start, goal).

    This is the label a supervised model learns. In a tree it is the path; with loops it holds
    every shortest path.

    Returns:
        (B, n, n) bool.

    Raises:
        ValueError: If some maze has no path from start to goal.
    """
    from_start = _spread(mazes.walls, mazes.start)
    from_goal = _spread(mazes.walls, mazes.goal)
    shortest = from_start.reshape(len(mazes), -1)[np.arange(len(mazes)), mazes.goal]
    if (shortest < 0).any():
        raise ValueError(
            f"maze {np.argmax(shortest < 0)} has no path from its start to its goal: open a wall"
        )
    return (from_start >= 0) & (from_start + from_goal == shortest[:, None, None])


def _spread(walls: np.ndarray, source: np.ndarray) -> np.ndarray:
    count, size = walls.shape[:2]
    to_right = walls[:, :, :-1] & 2 == 0  # (B, n, n - 1)
    to_below = walls[:, :-1] & 4 == 0  # (B, n - 1, n)
    reached = np.zeros((count, size, size), bool)
    reached.reshape(count, -1)[np.arange(count), source] = True
    distances = np.zeros((count, size, size), np.int32)
    front = reached.copy()
    while front.any():
        distances += ~reached  # everybody still waiting waits one step more
        ahead = np.zeros_like(front)
        ahead[:, :, 1:] |= front[:, :, :-1] & to_right
        ahead[:, :, :-1] |= front[:, :, 1:] & to_right
        ahead[:, 1:] |= front[:, :-1] & to_below
        ahead[:, :-1] |= front[:, 1:] & to_below
        front = ahead & ~reached
        reached |= front
    distances[~reached] = -1
    return distances
