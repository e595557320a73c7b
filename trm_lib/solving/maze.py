"""Give a maze to a trained model, and check whether the cells it marks are a way to the goal.

Axes: K steps, n rows and columns, P cells of a path.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.evaluation.exact import think
from trm_lib.models import BoardConfig, BoardNet
from trm_lib.puzzles import (
    Mazes,
    marked_way,
    maze_distances,
    maze_text,
    maze_tokens,
    parse_maze,
    read_maze_picture,
    read_maze_tokens,
    shortest_path_cells,
    shortest_way,
)
from trm_lib.puzzles.maze_tokens import CELL_TOKENS
from trm_lib.solving.shipped import shipped_model
from trm_lib.solving.solved import Solved

K_STEPS_A_ROW = 20


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedMaze(Solved):
    """Which cells the model marked, step by step, and whether they are a way to the goal.

    Marks are a way if they leave no choice from the start to the goal, and none is left over
    (`trm_lib.puzzles.marked_way`): no search does the model's work. Where several paths are
    shortest, the marks are a way too if they are exactly the cells of all of these, as in the
    labels that such models learn.

    Attributes:
        maze: the one maze.
        steps: (K, n, n) bool, the cells marked after each improvement step. The first marks that
            are a way end it.
        right: (K,) bool, which of these are a way.
        answer: (n, n) bool, the marks that are a way, or the last ones.
        is_right: whether `answer` is a way, be it the shortest or not.
        k: the step `answer` was taken from, counted from 1.
        path: (P,) int64 cell numbers from start to goal; None if `answer` is no way.
        shortest: steps of a shortest path, by breadth-first search.
        is_shortest: whether `path` takes no more steps than that.
    """

    maze: Mazes = field(repr=False)
    path: np.ndarray | None
    shortest: int

    @property
    def is_shortest(self) -> bool:
        return self.path is not None and len(self.path) - 1 == self.shortest

    def __str__(self) -> str:
        marks = self.answer
        if self.path is not None:
            marks = np.isin(np.arange(marks.size), self.path).reshape(marks.shape)
        drawn = maze_text(self.maze.walls[0], self.maze.start[0], self.maze.goal[0], marks)
        return f"{drawn}\n{self._verdict()}"

    def _verdict(self) -> str:
        if self.path is None:
            return f"no path: up to K = {self.k} the marked cells are not a way from start to goal"
        taken = len(self.path) - 1
        found = f"a path of {taken} step{'s' * (taken > 1)}"
        if self.is_shortest:
            return f"{found}, proved the shortest by breadth-first search, at K = {self.k}"
        return f"{found} at K = {self.k}; the shortest takes {self.shortest}"


def read_maze(puzzle: str | ArrayLike | Mazes) -> Mazes | None:
    """Read a maze in any form that `trm_lib.solve` takes.

    Returns:
        A batch of one; or None if this is no maze, but a Sudoku or nothing known.

    Raises:
        ValueError: it is a malformed maze, or several.
    """
    if isinstance(puzzle, str):
        return parse_maze(puzzle) if puzzle.lstrip()[:1] in ("+", "#") else None
    mazes = puzzle if isinstance(puzzle, Mazes) else _read_array(puzzle)
    if mazes is not None and len(mazes) != 1:
        raise ValueError(f"expected one maze, got {len(mazes)}: pass them one at a time, mazes[i]")
    return mazes


def solve_maze(
    maze: Mazes, k_steps: int | None = None, model: BoardNet | None = None
) -> SolvedMaze:
    """What `trm_lib.solve` does with a maze; arguments and errors as there."""
    one_shortest = shortest_way(maze)  # refuses a maze without a way
    shortest = int(maze_distances(maze.walls, maze.start).flat[maze.goal[0]])
    model = shipped_model("maze") if model is None else model
    _require_fitting(model, maze.size)
    k_steps = K_STEPS_A_ROW * maze.size if k_steps is None else k_steps
    on_shortest, steps, path = shortest_path_cells(maze)[0], [], None
    with closing(think(model, maze_tokens(maze), k_steps)) as thoughts:
        for _, _, said in thoughts:
            marks = said.logits[0].argmax(-1).cpu().numpy() == 1
            steps.append(marks)
            path = one_shortest if (marks == on_shortest).all() else marked_way(maze, marks)
            if path is not None:
                break
    right = np.zeros(len(steps), bool)
    right[-1] = path is not None
    return SolvedMaze(maze=maze, steps=np.array(steps), right=right, path=path, shortest=shortest)


def _read_array(puzzle: ArrayLike) -> Mazes | None:
    if hasattr(puzzle, "detach"):  # a tensor, which may be part of a graph of gradients
        puzzle = puzzle.detach()
    try:
        array = np.asarray(puzzle)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.ndim >= 3 and array.shape[-1] == 3:  # colours
        return read_maze_picture(array)
    if array.ndim == 2 and array.dtype.kind in "iuf" and (array >= 16).any():  # start or goal
        return read_maze_tokens(array)
    return None


def _require_fitting(model: BoardNet, size: int) -> None:
    config = getattr(model, "config", None)
    fits = isinstance(config, BoardConfig) and config.vocab_size == CELL_TOKENS
    if not fits or config.n_answers != 2 or len(config.grid) != 2:
        raise ValueError(
            f"model expected a network over boards of rows and columns with vocab_size="
            f"{CELL_TOKENS} and n_answers=2, got "
            f"{config if config is not None else type(model).__name__}"
        )
    if config.bound and config.grid != (size, size):
        raise ValueError(
            f"model expected one that reads {size}x{size} cells, got one that has learnt its cells "
            f"by their places on {config.grid[0]}x{config.grid[1]}: use mixing='conv' for mazes of "
            f"any size"
        )
