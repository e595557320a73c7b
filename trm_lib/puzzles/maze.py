"""Mazes: n x m cells with walls between them, a start and a goal; drawn at random or from keys.

Axes and directions are those of `maze_layouts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trm_lib.checks import SHARE, check_rng, one_of, whole
from trm_lib.puzzles.maze_layouts import Size, check_walls, grid_of, spanning_trees, walls_between
from trm_lib.puzzles.splits import draw_below

Layout = Literal["tree", "loops", "open"]
Place = Literal["fixed", "random"]

_START, _GOAL = 0, 1  # streams of randomness


@dataclass(frozen=True, eq=False)
class Mazes:
    """A batch of mazes of one size.

    Attributes:
        walls: (B, n, m) uint8; bit d is set where a cell has a wall in direction d. A wall is
            seen from both of its cells, and the border is walled all round.
        start: (B,) int64 cell numbers, 0 to L - 1.
        goal: (B,) int64 cell numbers; never the start. (B, G) if reaching any of G cells will do,
            where a maze of fewer names one of them again.
    """

    walls: np.ndarray
    start: np.ndarray
    goal: np.ndarray

    def __post_init__(self) -> None:
        walls = check_walls(self.walls)
        start = check_cells(self.start, walls, "start")
        goal = check_cells(self.goal, walls, "goal", several=True)
        goal = goal[:, 0] if goal.shape[1:] == (1,) else goal
        for name, value in (("walls", walls), ("start", start), ("goal", goal)):
            object.__setattr__(self, name, value)
        same = np.flatnonzero((self.goals == start[:, None]).any(axis=1))
        if len(same):
            raise ValueError(
                f"maze {same[0]} starts on its goal, cell {start[same[0]]}: move one of them"
            )

    def __len__(self) -> int:
        return len(self.walls)

    def __getitem__(self, index: slice | np.ndarray) -> Mazes:
        """Select some of the mazes, by a slice or an array; an integer gives a batch of one."""
        index = slice(index, index + 1 or None) if isinstance(index, int | np.integer) else index
        return Mazes(self.walls[index], self.start[index], self.goal[index])

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns, n and m."""
        return self.walls.shape[1:]

    @property
    def goals(self) -> np.ndarray:
        """`goal` as (B, G), for one goal too."""
        return self.goal if self.goal.ndim == 2 else self.goal[:, None]


def generate_mazes(
    size: Size,
    count: int,
    rng: np.random.Generator,
    layout: Layout = "tree",
    loops: float | None = None,
    start: Place = "fixed",
    goal: Place = "fixed",
) -> Mazes:
    """Draw mazes at random.

    Args:
        size: n and m, rows and columns, or one number for both; 2 to 128.
        count: how many, B.
        rng: source of randomness.
        layout: "tree", a uniformly drawn spanning tree: one path between any two cells; "loops",
            a tree of which some of the remaining walls are opened; "open", no walls inside.
        loops: for "loops", the share of the tree's remaining walls to open, 0 to 1 (0.1).
        start: "fixed", the upper left cell, or "random", uniform among all cells but the goal.
        goal: "fixed", the lower right cell, or "random", uniform among all cells but the start.
    """
    check_rng(rng)
    keys = rng.integers(1 << 64, size=whole(count, "count", 1), dtype=np.uint64)
    return mazes_from_keys(size, keys, layout, loops, start, goal)


def mazes_from_keys(
    size: Size,
    keys: np.ndarray,
    layout: Layout = "tree",
    loops: float | None = None,
    start: Place = "fixed",
    goal: Place = "fixed",
) -> Mazes:
    """Make the maze that belongs to each key, (B,) uint64: the same key gives the same maze.

    The other arguments are those of `generate_mazes`.
    """
    loops = check_maze_options(size, layout, loops, start, goal)
    if layout == "open":
        rows, columns = grid_of(size)
        right = np.zeros((len(keys), rows, columns - 1), bool)
        walls = walls_between(right, np.zeros((len(keys), rows - 1, columns), bool))
    else:
        walls = spanning_trees(size, keys, loops)
    return Mazes(walls, *places_from_keys(size, keys, start, goal))


def places_from_keys(
    size: Size, keys: np.ndarray, start: Place, goal: Place
) -> tuple[np.ndarray, np.ndarray]:
    """The starts and goals, each (B,) int64, that belong to keys (B,) uint64."""
    last = int(np.prod(grid_of(size))) - 1
    starts = draw_below(keys, _START, last + 1) if start == "random" else np.zeros(len(keys), int)
    if goal == "fixed":
        starts = np.where(starts == last, draw_below(keys, _GOAL, last), starts)
        return starts, np.full(len(keys), last)
    goals = draw_below(keys, _GOAL, last)  # among the others: those from the start on move up
    return starts, goals + (goals >= starts)


def check_maze_options(
    size: Size, layout: str, loops: float | None, start: str, goal: str
) -> float:
    """Refuse options that `generate_mazes` does not know; return the share of walls to open."""
    grid_of(size)
    one_of(("tree", "loops", "open"))(layout, "layout")
    one_of(("fixed", "random"))(start, "start")
    one_of(("fixed", "random"))(goal, "goal")
    if layout == "loops":
        return SHARE(0.1 if loops is None else loops, "loops")
    if loops is not None:
        raise ValueError(f'loops is for layout="loops", got loops={loops!r} with {layout!r}')
    return 0.0


def check_cells(
    cells: np.ndarray, walls: np.ndarray, name: str, several: bool = False
) -> np.ndarray:
    """Refuse anything but a cell number, or several, for each of (B, n, m) walls; return int64."""
    cells, last = np.asarray(cells), walls.shape[1] * walls.shape[2] - 1
    shape = (len(walls), *cells.shape[1:2]) if several else (len(walls),)
    in_range = cells.dtype.kind in "iu" and ((cells >= 0) & (cells <= last)).all()
    if not in_range or cells.shape != shape or 0 in shape[1:]:
        raise ValueError(
            f"{name} expected ({len(walls)},) integers from 0 to {last}, one cell a maze, got "
            f"{cells!r}"
        )
    return cells.astype(np.int64)


def mark_cells(cells: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Where cells (B,) or (B, G) lie in mazes of n x m cells: (B, n, m) bool."""
    marks = np.zeros((len(cells), *grid), bool)
    marks.reshape(-1)[np.arange(len(cells)) * np.prod(grid) + cells.T] = True
    return marks


def check_marks(marks: np.ndarray, size: Size, name: str = "marks") -> np.ndarray:
    """Refuse anything but (n, m) bool, for such a size."""
    marks = np.asarray(marks)
    if marks.shape != grid_of(size) or marks.dtype != bool:
        raise ValueError(
            f"{name}: expected bool of shape {grid_of(size)}, one a cell, got {marks.dtype} of "
            f"shape {marks.shape}"
        )
    return marks
