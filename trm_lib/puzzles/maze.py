"""Mazes: n x n cells with walls between them, a start and a goal; drawn, checked, and named.

Legend of the maze modules: B mazes, n rows and columns (2 to 128), L = n * n cells, numbered row by
row. Directions are 0 up, 1 right, 2 down, 3 left; the opposite of d is (d + 2) % 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from trm_lib.checks import SHARE, check_rng, one_of, whole
from trm_lib.puzzles.maze_trees import open_walls, spanning_trees
from trm_lib.puzzles.splits import draw_below, mix64

SIZES = range(2, 129)
Layout = Literal["tree", "loops", "open"]
Place = Literal["fixed", "random"]

_START, _GOAL = 0, 1  # streams of randomness


@dataclass(frozen=True, eq=False)
class Mazes:
    """A batch of mazes of one size.

    Attributes:
        walls: (B, n, n) uint8; bit d is set where a cell has a wall in direction d. A wall is
            seen from both of its cells, and the border is walled all round.
        start: (B,) int64 cell numbers, 0 to L - 1.
        goal: (B,) int64 cell numbers; never the start.
    """

    walls: np.ndarray
    start: np.ndarray
    goal: np.ndarray

    def __post_init__(self) -> None:
        walls = check_walls(self.walls)
        start, goal = (check_cells(getattr(self, n), walls, n) for n in ("start", "goal"))
        for name, value in (("walls", walls), ("start", start), ("goal", goal)):
            object.__setattr__(self, name, value)
        same = np.flatnonzero(start == goal)
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
    def size(self) -> int:
        """Rows and columns, n."""
        return self.walls.shape[1]


def generate_mazes(
    size: int,
    count: int,
    rng: np.random.Generator,
    layout: Layout = "tree",
    loops: float | None = None,
    start: Place = "fixed",
    goal: Place = "fixed",
) -> Mazes:
    """Draw mazes at random.

    Args:
        size: n, rows and columns, 2 to 128.
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
    size: int,
    keys: np.ndarray,
    layout: Layout = "tree",
    loops: float | None = None,
    start: Place = "fixed",
    goal: Place = "fixed",
) -> Mazes:
    """Make the maze that belongs to each key: the same key always gives the same maze.

    Args:
        keys: (B,) integers, any 64 bits.
        size, layout, loops, start, goal: as in `generate_mazes`.
    """
    loops = check_maze_options(size, layout, loops, start, goal)
    keys = np.asarray(keys).astype(np.uint64)
    if layout == "open":
        walls = np.tile(open_walls(size), (len(keys), 1, 1))
    else:
        walls = spanning_trees(size, keys, loops)
    return Mazes(walls, *places_from_keys(size, keys, start, goal))


def places_from_keys(
    size: int, keys: np.ndarray, start: Place, goal: Place
) -> tuple[np.ndarray, np.ndarray]:
    """The starts and goals, each (B,) int64, that belong to keys (B,) uint64."""
    last = size * size - 1
    starts = np.zeros(len(keys), np.int64)
    if start == "random":
        starts = draw_below(keys, _START, last + 1)
    if goal == "fixed":
        starts = np.where(starts == last, draw_below(keys, _GOAL, last), starts)
        return starts, np.full(len(keys), last)
    goals = draw_below(keys, _GOAL, last)  # among the others: those from the start on move up
    return starts, goals + (goals >= starts)


def check_maze_options(size: int, layout: str, loops: float | None, start: str, goal: str) -> float:
    """Refuse options that `generate_mazes` does not know; return the share of walls to open."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size not in SIZES:
        raise ValueError(f"size expected a whole number from 2 to 128, got {size!r}")
    one_of(("tree", "loops", "open"))(layout, "layout")
    for place, name in ((start, "start"), (goal, "goal")):
        one_of(("fixed", "random"))(place, name)
    if layout != "loops":
        if loops is not None:
            raise ValueError(f'loops is for layout="loops", got loops={loops!r} with {layout!r}')
        return 0.0
    return SHARE(0.1 if loops is None else loops, "loops")


def check_walls(walls: np.ndarray, name: str = "walls") -> np.ndarray:
    """Check that an array holds the walls of mazes and return it as uint8.

    Args:
        walls: (B, n, n) integers 0 to 15, as in `Mazes`.
        name: what to call the array in an error.
    """
    walls = np.asarray(walls)
    if walls.ndim != 3 or walls.shape[1] != walls.shape[2] or walls.shape[1] not in SIZES:
        raise ValueError(
            f"{name}: expected shape (B, n, n) with n from 2 to 128, got {walls.shape}: "
            "pass one maze as walls[None]"
        )
    if walls.dtype.kind not in "iu" or (walls.size and (walls.min() < 0 or walls.max() > 15)):
        raise ValueError(f"{name}: expected integers 0 to 15, one bit a direction, got others")
    walls = walls.astype(np.uint8, copy=False)
    for border, bit, where in (
        (walls[:, 0], 1, "top"),
        (walls[:, :, -1], 2, "right"),
        (walls[:, -1], 4, "bottom"),
        (walls[:, :, 0], 8, "left"),
    ):
        is_open = border & bit == 0
        if is_open.any():
            maze = np.argwhere(is_open)[0, 0]
            raise ValueError(f"{name}: maze {maze} has an open border at the {where}: close it")
    for one, other, where in (
        (walls[:, :, :-1] & 2, walls[:, :, 1:] & 8, "to the right"),
        (walls[:, :-1] & 4, walls[:, 1:] & 1, "below"),
    ):
        differ = (one > 0) != (other > 0)
        if differ.any():
            maze, row, column = np.argwhere(differ)[0]
            raise ValueError(
                f"{name}: in maze {maze}, row {row + 1}, column {column + 1} and its neighbour "
                f"{where} disagree on the wall between them"
            )
    return walls


def check_cells(cells: np.ndarray, walls: np.ndarray, name: str) -> np.ndarray:
    """Refuse anything but one cell number for each of (B, n, n) walls; return (B,) int64."""
    cells, last = np.asarray(cells), walls.shape[1] ** 2 - 1
    if cells.shape != (len(walls),) or cells.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: expected ({len(walls)},) integers, one cell a maze, got {cells.dtype} of "
            f"shape {cells.shape}"
        )
    wrong = np.flatnonzero((cells < 0) | (cells > last))
    if len(wrong):
        raise ValueError(
            f"{name}: maze {wrong[0]} has cell {cells[wrong[0]]}, expected 0 to {last}"
        )
    return cells.astype(np.int64)


def check_cell(cell: int, size: int, name: str) -> int:
    """Refuse anything but the number of a cell of n x n, for n = size."""
    if not isinstance(cell, int | np.integer) or not 0 <= cell < size * size:
        raise ValueError(f"{name}: expected a cell from 0 to {size * size - 1}, got {cell!r}")
    return int(cell)


def check_marks(marks: np.ndarray, size: int, name: str = "marks") -> np.ndarray:
    """Refuse anything but (n, n) bool, for n = size."""
    marks = np.asarray(marks)
    if marks.shape != (size, size) or marks.dtype != bool:
        raise ValueError(
            f"{name}: expected bool of shape {(size, size)}, one a cell, got {marks.dtype} of "
            f"shape {marks.shape}"
        )
    return marks


def passages(walls: np.ndarray) -> np.ndarray:
    """Whether one can walk from a cell in each direction, (B, n, n, 4) bool."""
    return (walls[..., None] >> np.arange(4, dtype=np.uint8) & 1) == 0


@cache
def steps_to(size: int) -> np.ndarray:
    """The cell next to each in each direction, itself at a border: (L, 4) int64, read-only.

    Walls inside are not looked at.
    """
    rows, columns = np.divmod(np.arange(size * size), size)
    up, down = np.maximum(rows - 1, 0), np.minimum(rows + 1, size - 1)
    left, right = np.maximum(columns - 1, 0), np.minimum(columns + 1, size - 1)
    there = [up * size + columns, rows * size + right, down * size + columns, rows * size + left]
    table = np.stack(there, axis=1)
    table.flags.writeable = False
    return table


def layout_class(walls: np.ndarray) -> np.ndarray:
    """Name each layout by a number that its turned copies share: the key to split mazes by.

    A layout is the walls of a maze, without its start and goal. Two mazes of one layout share most
    of what is to be learned about them, so they belong on the same side of a split.

    For n up to 6, two layouts of one size share it exactly when one is a turn of the other.
    Beyond, and between sizes, others share it only where 64-bit hashes collide.

    Args:
        walls: (B, n, n) integers, as in `Mazes`.

    Returns:
        (B,) uint64, the same on every machine.
    """
    walls = check_walls(walls)
    return np.minimum.reduce([_keys(turned_walls(walls, turn)) for turn in range(8)])


def turned_walls(walls: np.ndarray, turn: int) -> np.ndarray:
    """Turn layouts (B, n, n): cells move, and the walls around them change direction.

    Turns 0 to 3 are as many quarter turns clockwise. Turns 4 to 7 are a mirror image, left and
    right swapped, and then turn - 4 quarter turns. A quarter turn makes direction d into
    (d + 1) % 4, the mirror image makes it into -d % 4.
    """
    moved = np.rot90(walls[:, :, ::-1] if turn >= 4 else walls, -turn, axes=(1, 2))
    return _turned_bits(turn)[moved]


@cache
def _turned_bits(turn: int) -> np.ndarray:
    """What the walls of a cell become, (16,) uint8."""
    bits, table = np.arange(16, dtype=np.uint8), np.zeros(16, np.uint8)
    for direction in range(4):
        mirrored = -direction if turn >= 4 else direction
        table |= (bits >> direction & 1) << (mirrored + turn) % 4
    return table


def _keys(walls: np.ndarray) -> np.ndarray:
    """Name each layout, (B,) uint64; for n up to 6 its walls inside fit into one word."""
    count, size = walls.shape[:2]
    right = walls[:, :, :-1] >> 1 & 1  # (B, n, n - 1)
    below = walls[:, :-1] >> 2 & 1  # (B, n - 1, n)
    half = size * (size - 1)
    bits = np.concatenate([right.reshape(count, half), below.reshape(count, half)], axis=1)
    key = mix64(np.full(count, size))
    for start in range(0, bits.shape[1], 64):
        part = bits[:, start : start + 64].astype(np.uint64)
        word = (part << np.arange(part.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        key = mix64(key ^ word)  # a bijection of the word
    return key
