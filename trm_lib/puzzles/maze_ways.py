"""Ways through one maze, from its start to its goal: over marked cells, and a shortest one.

Axes: n rows and columns, P cells of a way.
"""

from __future__ import annotations

import numpy as np

from trm_lib.puzzles.maze import Mazes, check_marks, passages, steps_to
from trm_lib.puzzles.maze_distances import maze_distances


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
