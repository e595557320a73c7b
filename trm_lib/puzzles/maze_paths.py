"""Paths through mazes: distances, the cells on shortest paths, ways, and filled dead ends.

Axes: B mazes, n rows and columns, P cells of a way.
"""

from __future__ import annotations

import numpy as np

from trm_lib.puzzles.maze import Mazes, check_cells, check_marks, check_walls, passages, steps_to


def maze_distances(walls: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Count the steps from one cell to every cell of its maze.

    Args:
        walls: (B, n, n) uint8, as in `Mazes`.
        source: (B,) integers, cell numbers.

    Returns:
        (B, n, n) int32, -1 where no path leads.
    """
    walls = check_walls(walls)
    return _spread(walls, check_cells(source, walls, "source"))


def shortest_path_cells(mazes: Mazes) -> np.ndarray:
    """Mark the cells that lie on a shortest path: d(start, c) + d(c, goal) = d(start, goal).

    This is the label a supervised model learns. In a tree it is the path; with loops it holds
    every shortest path.

    Returns:
        (B, n, n) bool.

    Raises:
        ValueError: some maze has no path from start to goal.
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
    """Distances, by a wave that spreads through all mazes at once."""
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


def shortest_way(maze: Mazes) -> np.ndarray:
    """Find a shortest way, by breadth-first search.

    Returns:
        (P,) int64 cell numbers from start to goal.

    Raises:
        ValueError: there are several mazes, or no way.
    """
    start, goal, is_open = _read(maze)
    to_goal = _spread(maze.walls, maze.goal).reshape(-1)
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


def marked_way(maze: Mazes, marks: np.ndarray) -> np.ndarray | None:
    """Walk over marked cells from the start to the goal, if they leave no choice.

    Nothing is searched for: from every cell exactly one marked cell is next that was not walked
    over before, and at the goal every marked cell was.

    Args:
        maze: one maze.
        marks: (n, n) bool.

    Returns:
        (P,) int64 cell numbers from start to goal, or None if the marks are no such way.
    """
    here, goal, is_open = _read(maze)
    left = check_marks(marks, maze.size).flatten()  # marked, and not walked over
    if not left[here]:
        return None
    way, left[here] = [here], False
    while here != goal:
        ahead = steps_to(maze.size)[here][is_open[here]]
        ahead = ahead[left[ahead]]
        if len(ahead) != 1:
            return None
        here = int(ahead[0])
        way.append(here)
        left[here] = False
    return None if left.any() else np.array(way)


def _read(maze: Mazes) -> tuple[int, int, np.ndarray]:
    """The start, the goal, and in which directions one can walk, (L, 4) bool, of one maze."""
    if len(maze) != 1:
        raise ValueError(f"expected one maze, got {len(maze)}: pass them one at a time, mazes[i]")
    return int(maze.start[0]), int(maze.goal[0]), passages(maze.walls).reshape(-1, 4)


def filling_rounds(mazes: Mazes) -> np.ndarray:
    """Say in which round each cell is given up when dead ends are filled, all at once, in rounds.

    An old way to solve a maze: give up what leads nowhere, again and again. A dead end is a cell
    with at most one open neighbour that is left; the start and the goal never are. In a tree the
    path from start to goal is left, and nothing else; a loop is left whole.

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
