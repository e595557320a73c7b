"""A checked maze: its walls, what is marked in it, who walks there, and how to say it in words.

Axes: n rows and columns of a maze, 2 to 128; its cells are numbered row by row. Bit d of a cell's
walls is its wall in direction d: 0 up, 1 right, 2 down, 3 left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np

SIZES = range(2, 129)


@dataclass(frozen=True)
class MazeState:
    """A checked maze with everything that is drawn of it, arrays of shape (n, n).

    Attributes:
        walls: bits, one a direction.
        start: cell number, or None.
        goal: cell number, or None.
        marked: whether a cell is marked as part of the answer.
        wrong: whether a cell is marked but should not be.
        missed: whether a cell should be marked but is not.
        answered: whether there is an answer.
        judged: whether the truth is known.
        agent: cell number, or None.
        trail: cell numbers, in the order of the visits.
        moves: directions, -1 where there is none.
    """

    walls: np.ndarray
    start: int | None
    goal: int | None
    marked: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray
    answered: bool
    judged: bool
    agent: int | None
    trail: tuple[int, ...]
    moves: np.ndarray

    @property
    def bumps(self) -> np.ndarray:
        """Whether the move of a cell runs into a wall, (n, n) bool."""
        return (self.moves >= 0) & (self.walls >> self.moves.clip(min=0) & 1 > 0)

    def place(self, cell: int) -> tuple[int, int]:
        """Returns the row and column, from 0, of a cell number."""
        return divmod(cell, len(self.walls))


def maze_state(
    walls: np.ndarray,
    start: int | None = None,
    goal: int | None = None,
    cells: np.ndarray | None = None,
    label: np.ndarray | None = None,
    agent: int | None = None,
    trail: Sequence[int] | None = None,
    moves: np.ndarray | None = None,
) -> MazeState:
    """Checks what is known of a maze and works out which marked cells are wrong.

    Args and Raises: as in `maze_svg`.
    """
    walls = _check_walls(walls)
    start, goal, agent = (
        None if value is None else _check_cell(name, value, len(walls))
        for name, value in (("start", start), ("goal", goal), ("agent", agent))
    )
    if start is not None and start == goal:
        raise ValueError(f"start and goal must be two cells, got {start} for both; move one.")
    if label is not None and cells is None:
        raise ValueError("label judges cells, got no cells; to draw the label, pass it as cells.")
    marked = wrong = missed = np.zeros(walls.shape, dtype=bool)
    if cells is not None:
        marked = _check_mask("cells", cells, walls.shape)
    if label is not None:
        label = _check_mask("label", label, walls.shape)
        wrong, missed = marked & ~label, label & ~marked
    return MazeState(
        walls,
        start,
        goal,
        marked,
        wrong,
        missed,
        cells is not None,
        label is not None,
        agent,
        () if trail is None else _check_trail(trail, walls),
        np.full(walls.shape, -1) if moves is None else _check_moves(moves, walls.shape),
    )


def describe_maze(state: MazeState) -> str:
    """Says what a picture of a maze shows; rows and columns are counted from 1."""
    size = len(state.walls)
    words = [f"{size} by {size} maze."]
    for name, cell in (("Start", state.start), ("Goal", state.goal), ("Agent", state.agent)):
        if cell is not None:
            row, column = state.place(cell)
            words.append(f"{name} at row {row + 1}, column {column + 1}.")
    if state.trail:
        words.append(f"Cells visited: {len(set(state.trail))}.")
    if (state.moves >= 0).any():
        words.append(f"Arrows: {(state.moves >= 0).sum()}, {state.bumps.sum()} into walls.")
    if state.judged:
        right, wrong = (state.marked & ~state.wrong).sum(), state.wrong.sum()
        words.append(f"Cells marked: {state.marked.sum()}, {right} right and {wrong} wrong.")
        words.append(f"Cells missed: {state.missed.sum()}.")
    elif state.answered:
        words.append(f"Cells marked: {state.marked.sum()}.")
    return " ".join(words)


def _check_walls(walls: np.ndarray) -> np.ndarray:
    """Returns (n, n) walls as uint8, or says why they are not those of one maze."""
    walls = np.asarray(walls)
    if walls.ndim != 2 or walls.shape[0] != walls.shape[1] or len(walls) not in SIZES:
        raise ValueError(
            f"walls must have shape (n, n) with n from 2 to 128, got {walls.shape}; "
            "draw one maze of a batch as walls[0]."
        )
    if not np.issubdtype(walls.dtype, np.integer):
        raise ValueError(
            f"walls must be integers, one bit a direction, got dtype {walls.dtype}; "
            "turn four masks into bits with (masks << [0, 1, 2, 3]).sum(-1)."
        )
    if walls.min() < 0 or walls.max() > 15:
        raise ValueError(
            f"walls must lie in 0 to 15, got {walls.min()} to {walls.max()}; use four bits a cell."
        )
    walls = walls.astype(np.uint8)
    up, right, down, left = ((walls >> d & 1).astype(bool) for d in range(4))
    if not (up[0].all() and right[:, -1].all() and down[-1].all() and left[:, 0].all()):
        raise ValueError("walls must close the border all round, got an opening; close it.")
    upright, flat = right[:, :-1] != left[:, 1:], down[:-1] != up[1:]
    for differ, where in ((upright, "to the right"), (flat, "below")):
        if differ.any():
            row, column = np.argwhere(differ)[0]
            raise ValueError(
                "walls must be set in both of their cells, got only one at row "
                f"{row + 1}, column {column + 1} and the cell {where}; set both or none."
            )
    return walls


def _check_cell(name: str, cell: int, size: int) -> int:
    """Returns a cell number as an int, or says why it is not one."""
    whole = isinstance(cell, Integral) and not isinstance(cell, bool)
    if not whole or not 0 <= cell < size * size:
        raise ValueError(
            f"{name} must be a cell number from 0 to {size * size - 1}, got {cell!r}; "
            "row r and column c, both from 0, are cell r * n + c."
        )
    return int(cell)


def _check_mask(name: str, mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns an array of bools shaped like the maze, or says why it is not one."""
    mask = np.asarray(mask)
    if mask.shape != shape:
        raise ValueError(
            f"{name} must have the walls' shape {shape}, got {mask.shape}; "
            "reshape a flat array of n * n cells to (n, n)."
        )
    if mask.dtype != bool:
        raise ValueError(
            f"{name} must hold bools, got dtype {mask.dtype}; compare classes with ==."
        )
    return mask


def _check_moves(moves: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Returns directions shaped like the maze, or says why they are not that."""
    moves = np.asarray(moves)
    if moves.shape != shape or not np.issubdtype(moves.dtype, np.integer):
        raise ValueError(
            f"moves must be integers of the walls' shape {shape}, got {moves.dtype} of shape "
            f"{moves.shape}; reshape a flat array of n * n cells to (n, n)."
        )
    if moves.min() < -1 or moves.max() > 3:
        raise ValueError(
            f"moves must lie in -1 to 3, got {moves.min()} to {moves.max()}; 0 is up, 1 right, "
            "2 down, 3 left, and -1 no arrow."
        )
    return moves


def _check_trail(trail: Sequence[int], walls: np.ndarray) -> tuple[int, ...]:
    """Returns a trail as ints, or says where it is not one walk through the maze."""
    size = len(walls)
    cells = tuple(_check_cell("each cell of trail", cell, size) for cell in trail)
    bits = {-size: 1, 1: 2, size: 4, -1: 8, 0: 0}  # the wall that a move must not meet
    for here, there in pairwise(cells):
        bit = bits.get(there - here)
        if bit is None or walls[divmod(here, size)] & bit:
            raise ValueError(
                f"trail must stay or walk to an open neighbour, got a move from cell {here} to "
                f"cell {there}; pass the cells of one walk in the order of the visits."
            )
    return cells
