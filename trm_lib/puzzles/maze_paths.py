"""Paths through mazes: distances, the cells on shortest paths, ways, and filled dead ends.

Axes: B mazes, n rows and m columns, G goals, P cells of a way.
"""

from __future__ import annotations

import numpy as np

from trm_lib.puzzles.maze import Mazes, check_cells, check_marks, mark_cells
from trm_lib.puzzles.maze_layouts import check_walls, passages, steps_to, walls_inside


def maze_distances(walls: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Count the steps from one cell, or the nearest of several, to every cell of its maze.

    Args:
        walls: (B, n, m) uint8, as in `Mazes`.
        source: (B,) or (B, G) integers, cell numbers.

    Returns:
        (B, n, m) int32, -1 where no path leads.
    """
    walls = check_walls(walls)
    return _spread(walls, check_cells(source, walls, "source", several=True))


def shortest_path_cells(mazes: Mazes) -> np.ndarray:
    """Mark the cells that lie on a shortest path: d(start, c) + d(c, goal) = d(start, goal).

    This is the label a supervised model learns. In a tree it is the path; with loops it holds
    every shortest path.

    Returns:
        (B, n, m) bool. Of several goals, the nearest count.

    Raises:
        ValueError: some maze has no path from start to goal.
    """
    from_start = _spread(mazes.walls, mazes.start)
    from_goal = _spread(mazes.walls, mazes.goals)
    shortest = from_goal[mark_cells(mazes.start, mazes.grid)]
    if (shortest < 0).any():
        raise ValueError(
            f"maze {np.argmax(shortest < 0)} has no path from its start to its goal: open a wall"
        )
    return (from_start >= 0) & (from_start + from_goal == shortest[:, None, None])


def _spread(walls: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Distances to the nearest source, (B,) or (B, G), by a wave through all mazes at once."""
    to_right, to_below = (~closed for closed in walls_inside(walls))
    reached = mark_cells(source, walls.shape[1:])
    front, distances = reached.copy(), np.zeros(walls.shape, np.int32)
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
    """Find a shortest way through one maze, by breadth-first search.

    Returns:
        (P,) int64 cell numbers from start to goal.

    Raises:
        ValueError: there are several mazes, or no way.
    """
    here, _, _ = _read(maze)
    to_goal = _spread(maze.walls, maze.goals)
    if to_goal.reshape(-1)[here] < 0:
        raise ValueError("expected a way from start to goal, got a maze without: open a wall")
    return walk(maze, shortest_moves(maze.walls, to_goal)[0])


def shortest_moves(walls: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Say which moves from each cell lead one step nearer.

    Args:
        walls: (B, n, m) integers, as in `Mazes`.
        distances: (B, n, m) integers, those to the nearest goal.

    Returns:
        (B, n, m, 4) bool; several where ways are equally short, none at a goal.
    """
    return passages(walls) & (look_ahead(distances) == distances[..., None] - 1)


def look_ahead(values: np.ndarray) -> np.ndarray:
    """What stands one step from each cell in each direction, (B, n, m, 4), of (B, n, m)."""
    grid = values.shape[1:]
    return values.reshape(len(values), np.prod(grid))[:, steps_to(grid)].reshape(*values.shape, 4)


def walk(maze: Mazes, scores: np.ndarray) -> np.ndarray:
    """Walk from the start, out of each cell by the move that is scored highest.

    Args:
        maze: one maze.
        scores: (n, m, 4), for each cell and direction; above 0 for moves to be made.

    Returns:
        (P,) int64 cell numbers. The last is a goal, or where no move is to be made, or one that
        leads into a wall or to where one was before.
    """
    here, goals, is_open = _read(maze)
    scores, way, been = scores.reshape(-1, 4), [here], {here}
    while here not in goals:
        move = scores[here].argmax()
        there = int(steps_to(maze.grid)[here, move])
        if scores[here, move] <= 0 or not is_open[here, move] or there in been:
            break
        way.append(here := there)
        been.add(here)
    return np.array(way)


def marked_way(maze: Mazes, marks: np.ndarray) -> np.ndarray | None:
    """Walk over marked cells from the start to the goal, if they leave no choice.

    Nothing is searched for: from every cell exactly one marked cell is next that was not walked
    over before, and at a goal every marked cell was.

    Args:
        maze: one maze.
        marks: (n, m) bool.

    Returns:
        (P,) int64 cell numbers from start to goal, or None if the marks are no such way.
    """
    here, goals, is_open = _read(maze)
    left = check_marks(marks, maze.grid).flatten()  # marked, and not walked over
    way, ahead = [], np.array([here])
    while here not in goals:
        ahead = ahead[left[ahead]]
        if len(ahead) != 1:
            return None
        way.append(here := int(ahead[0]))
        left[here] = False
        ahead = steps_to(maze.grid)[here][is_open[here]]
    return None if left.any() else np.array(way)


def _read(maze: Mazes) -> tuple[int, list[int], np.ndarray]:
    """The start, the goals, and in which directions one can walk, (L, 4) bool, of one maze."""
    if len(maze) != 1:
        raise ValueError(f"expected one maze, got {len(maze)}: pass them one at a time, mazes[i]")
    return int(maze.start[0]), maze.goals[0].tolist(), passages(maze.walls).reshape(-1, 4)
