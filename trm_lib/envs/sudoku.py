"""The puzzles that the Sudoku environments ask for, each made from the key of its episode.

Axes: M puzzles, N rows and columns, L = N * N cells.

`trm/Sudoku-v0`: fill a Sudoku, one digit at a time.

Axes: N rows and columns, L = N * N cells numbered row by row, A = L * N actions.

The vector form of `trm/Sudoku-v0`: E boards filled at once.

Axes: E environments, N rows and columns, L = N * N cells, A = L * N actions, M episodes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import number, whole
from trm_lib.envs.base import BatchedEnv, Episodes, SingleEnv, check_choice
from trm_lib.puzzles import (
    FEWEST_CLUES,
    all_grids_4x4,
    box_shape,
    check_boards,
    draw_below,
    generate_sudoku,
    masked_grids,
    solve_exactly,
    sudoku_text,
    sudokus_4x4,
    units,
)

Empties = int | tuple[int, int]
_EMPTIES, _PUZZLE, _CELL = 0, 1, 2  # streams of randomness


class SudokuSource:
    """Puzzles with exactly one solution each, by key.

    4x4 puzzles are uniform among all with so many empty cells. Larger ones are generated one by
    one, milliseconds each; give ``puzzles`` where speed matters.

    Args:
        size: N, 4, 6 or 9.
        empties: How many cells are empty, or (fewest, most) to draw from; None for ``usual``.
        puzzles: (M, N, N) boards to draw from, in place of ``size`` and ``empties``.
        usual: How many cells are empty where nothing is said.

    Raises:
        ValueError: If an argument is not as above, or a puzzle has no solution or several.
    """

    def __init__(
        self, size: int, empties: Empties | None, puzzles: ArrayLike | None, usual: int
    ) -> None:
        box_shape(size)  # refuses other sizes
        self._given = None
        if puzzles is not None:
            if empties is not None:
                raise ValueError(
                    f"empties expected None where puzzles are given, got {empties!r}: the puzzles "
                    "have as many empty cells as they have"
                )
            self._given = with_solutions(puzzles)
            size = self._given[0].shape[1]
        self.size = size
        self._fewest, self._most = _checked_empties(size, usual if empties is None else empties)

    @property
    def cells_made(self) -> int:
        """How many cells an episode costs to make, for `Episodes`: 4x4 boards come in bulk."""
        return self.size**2 if self.size == 4 or self._given is not None else 1 << 17

    def episodes(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the puzzle and solution, (M, N, N) int8 each, of each key."""
        if self._given is not None:
            chosen = draw_below(keys, _PUZZLE, len(self._given[0]))
            return self._given[0][chosen], self._given[1][chosen]
        empties = self._fewest + draw_below(keys, _EMPTIES, self._most - self._fewest + 1)
        puzzles = np.zeros((len(keys), self.size, self.size), np.int8)
        solutions = puzzles.copy()
        for count in np.unique(empties):
            which = np.flatnonzero(empties == count)
            puzzles[which], solutions[which] = self._with_empties(int(count), keys[which])
        return puzzles, solutions

    def cells(self, keys: np.ndarray, puzzles: np.ndarray) -> np.ndarray:
        """Return one empty cell of each puzzle, (M,) int64, each equally likely."""
        empty = puzzles.reshape(len(puzzles), -1) == 0
        rank = np.zeros(len(puzzles), np.int64)
        for count in np.unique(empty.sum(axis=1)):
            which = np.flatnonzero(empty.sum(axis=1) == count)
            rank[which] = draw_below(keys[which], _CELL, int(count))
        return (empty.cumsum(axis=1) > rank[:, None]).argmax(axis=1)

    def _with_empties(self, n_empty: int, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        clues = self.size**2 - n_empty
        if self.size == 4:
            every = sudokus_4x4(clues)
            return masked_grids(every[draw_below(keys, _PUZZLE, len(every))])
        made = [
            generate_sudoku(self.size, 1, np.random.default_rng(int(key)), clues) for key in keys
        ]
        puzzles, solutions = zip(*made, strict=True)
        return np.concatenate(puzzles), np.concatenate(solutions)


def with_solutions(puzzles: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return puzzles and their solutions, (M, N, N) int8 each.

    Raises:
        ValueError: If these are not boards, one is full, or one has no solution or several.
    """
    puzzles = check_boards(puzzles)
    if puzzles.ndim != 3 or len(puzzles) == 0:
        raise ValueError(f"puzzles: expected shape (M, N, N) with M >= 1, got {puzzles.shape}")
    full = (puzzles > 0).all(axis=(1, 2))
    if full.any():
        raise ValueError(f"puzzle {full.argmax()} has no empty cell: nothing is left to do")
    solutions = np.zeros_like(puzzles)
    for index, puzzle in enumerate(puzzles):
        count, solution = _solve(puzzle)
        if count != 1:
            raise ValueError(
                f"puzzle {index} has {'no solution' if count == 0 else 'several solutions'}, "
                "expected exactly one"
            )
        solutions[index] = solution
    return puzzles.copy(), solutions


def _solve(puzzle: np.ndarray) -> tuple[int, np.ndarray | None]:
    if len(puzzle) != 4:
        exact = solve_exactly(puzzle)
        return exact.n_solutions, exact.solution
    grids = all_grids_4x4()
    fits = ((puzzle == 0) | (puzzle == grids)).all(axis=(1, 2))
    return int(fits.sum()), grids[fits.argmax()]


def _checked_empties(size: int, empties: Empties) -> tuple[int, int]:
    most = size * size - FEWEST_CLUES[size]
    both = empties if isinstance(empties, tuple | list) else (empties, empties)
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in both)
    if len(both) != 2 or not whole or not 1 <= both[0] <= both[1] <= most:
        raise ValueError(
            f"empties expected 1 to {most} for a {size}x{size} Sudoku with one solution, or "
            f"(fewest, most) of these, got {empties!r}"
        )
    return int(both[0]), int(both[1])


@dataclass(frozen=True)
class SudokuReward:
    """What one step pays: exactly one of these.

    Attributes:
        right: a digit of the solution was written.
        wrong: another digit was written, that clashes with nothing yet.
        clash: the digit stands in the row, column or box already.
        filled: the cell holds a digit that the agent wrote.
        clue: the cell holds a clue.
        solved: the digit written completes the solution.
        stuck: the digit written leaves nothing legal to write.
    """

    right: float
    wrong: float
    clash: float
    filled: float
    clue: float
    solved: float
    stuck: float

    def __post_init__(self) -> None:
        for field in fields(self):
            name = field.name
            value = number(getattr(self, name), name, lambda x: True, "a finite number")
            object.__setattr__(self, name, value)  # as a float: NumPy would cut others to ints


SUDOKU_REWARDS = {
    "clean": SudokuReward(-0.01, -0.01, -0.01, -0.01, -0.01, solved=1.0, stuck=-0.01),
    "evns": SudokuReward(1.0, 1.0, -1.0, -1.0, -1.0, solved=6.0, stuck=1.0),
    "improved": SudokuReward(1.0, 0.2, -1.0, -0.3, -0.5, solved=11.0, stuck=-1.8),
}
"""Reward schemes by name; "evns" and "improved" are those of the scripts the book rebuilds."""


OBSERVATIONS = {
    "channels": lambda N: N + 1,
    "conflicts": lambda N: 5,
    "candidates": lambda N: 2 * N,
}
"""How many channels each kind of observation has, by N."""


class SudokuEnv(SingleEnv):
    """Fill a Sudoku, one digit at a time.

    ## Action space
    `Discrete(N^3)`: cell * N + digit - 1, cells numbered row by row; 64 for 4x4.

    With `placement="legal"` a digit is written into an empty cell where it clashes with nothing in
    its row, column and box, and stays there; any other action leaves the board as it is. With
    `placement="free"` any digit is written into any cell that is not a clue, over another digit
    too, and clashes stay on the board.

    ## Observation space
    `observation="channels"`: `Box(0, 1, (N + 1, N, N), float32)`. Channel d - 1 marks the cells
    that hold digit d, channel N the clues. `observation="conflicts"`: `Box(0, 1, (5, N, N),
    float32)`: digit / N, whether a cell may be changed, and whether its digit stands in its row,
    column, box a second time. With "legal" placement these last three are always zero.
    `observation="candidates"`: `Box(0, 1, (2N, N, N), float32)`. Channel d - 1 marks the cells that
    hold digit d, channel N + d - 1 those into which the action mask allows to write it: pencil
    marks.

    ## Rewards
    The one entry of a `SudokuReward` that fits. `"clean"`: +1 for the digit that solves the
    puzzle, -0.01 for all else. `"evns"`: +1 for a legal digit, -1 for anything else, +6 where
    solved. `"improved"`: right +1, wrong +0.2, clash -1, filled -0.3, clue -0.5, solved +11, stuck
    -1.8. With "free" placement `clash` pays for a digit that is written and clashes, `filled` for
    the digit that is there already, and `stuck` never applies.

    ## Starting state
    A new puzzle with exactly one solution each episode, uniform among all 4x4 puzzles with so many
    empty cells; 6x6 and 9x9 ones are generated one by one, milliseconds each.

    ## Episode end
    Terminated when the board is the solution, or, with "legal" placement, when nothing legal is
    left to write; truncated after `max_steps` steps without either.

    ## Information
    `action_mask`: (N^3,) int8, 1 where the action writes a digit; `action_masks()` gives the same
    as bool. `is_success`: whether the board is the solution.

    Args:
        size: N, 4, 6 or 9.
        empties: How many cells are empty, or (fewest, most) to draw from (4). At most 12 for
            4x4, 28 for 6x6 and 64 for 9x9; close to the most, 6x6 and 9x9 puzzles are rarely
            found, and `reset` then says so.
        puzzles: (M, N, N) boards with one solution each to draw from, in place of `size` and
            `empties`. This is how training and test are kept apart.
        placement: "legal" or "free".
        reward: The name of a scheme, or a `SudokuReward`.
        observation: "channels", "conflicts" or "candidates".
        max_steps: Time limit (4 N^2).
        render_mode: None, "ansi" or "rgb_array".

    Raises:
        ValueError: If an argument is not as above; nothing is made then.

    ## Reset options
    `{"puzzles": boards}`: (1, N, N) to play, or (E, N, N) for a vector environment, in place of
    the next of the sequence.
    """

    option = "puzzles"

    def __init__(
        self,
        size: int = 4,
        empties: Empties | None = None,
        puzzles: ArrayLike | None = None,
        placement: Literal["legal", "free"] = "legal",
        reward: str | SudokuReward = "clean",
        observation: Literal["channels", "conflicts", "candidates"] = "channels",
        max_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(render_mode)
        check_choice("placement", placement, ("legal", "free"))
        check_choice("observation", observation, tuple(OBSERVATIONS))
        if not isinstance(reward, SudokuReward):
            check_choice("reward", reward, tuple(SUDOKU_REWARDS))
            reward = SUDOKU_REWARDS[reward]
        self._source = SudokuSource(size, empties, puzzles, usual=4)
        self.size = size = self._source.size
        self.placement, self.observation, self.reward = placement, observation, reward
        self.max_steps = 4 * size**2 if max_steps is None else whole(max_steps, "max_steps", 1)
        channels = OBSERVATIONS[observation](size)
        self.observation_space = spaces.Box(0, 1, (channels, size, size), np.float32)
        self.action_space = spaces.Discrete(size**3)
        self._episodes = Episodes(self._source.episodes, 1, self._source.cells_made)

    def action_masks(self) -> np.ndarray:
        """Return (N^3,) bool: which actions write a digit."""
        size = self.size
        masks = np.zeros((size, size, size), bool)
        for row, column in np.ndindex(size, size):
            if self.placement == "free":
                if not self.clues[row, column]:
                    masks[row, column] = np.arange(1, size + 1) != self.board[row, column]
            elif not self.board[row, column]:
                around = {int(digit) for unit in self._around(row, column) for digit in unit}
                masks[row, column] = [digit not in around for digit in range(1, size + 1)]
        return masks.reshape(-1)

    def _read_option(self, puzzles: ArrayLike, count: int) -> tuple[np.ndarray, ...]:
        return read_puzzles(puzzles, count, self.size)

    def _begin(self, puzzle: np.ndarray, solution: np.ndarray) -> None:
        self.clues, self.board, self.solution = puzzle.copy(), puzzle.copy(), solution.copy()
        self._steps = 0

    def _advance(self, action: int) -> tuple[float, bool, bool]:
        self._steps += 1
        truncated = self._steps >= self.max_steps
        row, column, digit = np.unravel_index(action, (self.size,) * 3)
        digit = int(digit) + 1
        there = int(self.board[row, column])
        if self.clues[row, column]:
            return self.reward.clue, False, truncated
        if there == digit or (there and self.placement == "legal"):
            return self.reward.filled, False, truncated
        clashes = any(digit in unit for unit in self._around(row, column))
        if clashes and self.placement == "legal":
            return self.reward.clash, False, truncated
        self.board[row, column] = digit
        if (self.board == self.solution).all():
            self._success = True
            return self.reward.solved, True, False
        if self.placement == "legal" and not self.action_masks().any():
            return self.reward.stuck, True, False
        if clashes:
            return self.reward.clash, False, truncated
        right = digit == self.solution[row, column]
        return self.reward.right if right else self.reward.wrong, False, truncated

    def _around(self, row: int, column: int) -> list[np.ndarray]:
        """Return the digits of the row, the column and the box of a cell, without its own."""
        rows, columns = box_shape(self.size)
        top, left = row // rows * rows, column // columns * columns
        board = self.board.copy()
        board[row, column] = 0
        return [
            board[row],
            board[:, column],
            board[top : top + rows, left : left + columns].ravel(),
        ]

    def _observation(self) -> np.ndarray:
        if self.observation != "conflicts":
            digits = self.board == np.arange(1, self.size + 1)[:, None, None]
            more = self.clues[None] > 0
            if self.observation == "candidates":
                more = np.moveaxis(self.action_masks().reshape(digits.shape), 2, 0)
            return np.concatenate([digits, more]).astype(np.float32)
        clashes = np.zeros((3, self.size, self.size))
        for row, column in np.argwhere(self.board > 0):
            digit = self.board[row, column]
            clashes[:, row, column] = [digit in unit for unit in self._around(row, column)]
        parts = [self.board[None] / self.size, self.clues[None] == 0, clashes]
        return np.concatenate(parts).astype(np.float32)

    def _text(self) -> str:
        return sudoku_text(self.board).replace("|", "\n")

    def _pixels(self) -> np.ndarray:
        from trm_lib.viz.pixels import sudoku_pixels  # late: it loads Matplotlib

        return sudoku_pixels(self.board, self.clues)


def read_puzzles(puzzles: Any, count: int, size: int) -> tuple[np.ndarray, ...]:
    """Check the puzzles that ``reset`` was asked to play, and solve them."""
    puzzles = np.asarray(puzzles)
    puzzles = puzzles[None] if puzzles.ndim == 2 and count == 1 else puzzles
    if puzzles.shape != (count, size, size):
        raise ValueError(
            f'reset option "puzzles" expected boards of shape {(count, size, size)}, got '
            f"{puzzles.shape}"
        )
    return with_solutions(puzzles)


class SudokuVectorEnv(BatchedEnv):
    """E Sudokus at once, each as `SudokuEnv` plays it under the seeds seed, seed + 1, seed + 2 ...

    Args:
        num_envs: E.
        render_mode: None, "ansi" or "rgb_array".
        options: As for `SudokuEnv`, which see for spaces, rewards and infos.

    Raises:
        ValueError: If an argument is not as there.
    """

    option = "puzzles"

    def __init__(self, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> None:
        single = SudokuEnv(**options)
        super().__init__(num_envs, single, render_mode, options)
        self.size, self.max_steps, self.reward = single.size, single.max_steps, single.reward
        self.placement, self.observation = single.placement, single.observation
        self._source = single._source
        self._episodes = Episodes(self._make, num_envs, self._source.cells_made)
        n_cells = self.size**2
        self.board, self.clues, self.solution = np.zeros((3, num_envs, n_cells), np.int8)
        self._empty = np.zeros(num_envs, np.int64)  # cells still empty
        self._masks = np.zeros((num_envs, n_cells * self.size), bool)
        self._steps = np.zeros(num_envs, np.int64)
        self._observations = np.zeros((num_envs, *single.observation_space.shape), np.float32)

    def action_masks(self) -> np.ndarray:
        """Return (E, N^3) bool: which actions write a digit."""
        return self._masks.copy()

    def _make(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._prepared(*self._source.episodes(keys))

    def _read_option(self, puzzles: ArrayLike, count: int) -> tuple[np.ndarray, ...]:
        return self._prepared(*read_puzzles(puzzles, count, self.size))

    def _prepared(self, puzzles: np.ndarray, solutions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Add the first mask, (M, A), and the first observation, (M, C, N, N)."""
        boards = puzzles.reshape(len(puzzles), -1)
        stands = one_hot(boards, self.size)  # (M, L, N)
        if self.placement == "free":
            masks = np.repeat(boards == 0, self.size, axis=1)
        else:
            in_units = stands[:, units(self.size)].any(axis=2)  # (M, 3N, N)
            masks = ~in_units[:, units_of(self.size)].any(axis=2) & (boards == 0)[..., None]
        masks = masks.reshape(len(boards), -1)
        channels = self._channels(boards, boards, masks)
        return boards, solutions.reshape(boards.shape), masks, channels

    def _begin(
        self,
        which: np.ndarray,
        clues: np.ndarray,
        solution: np.ndarray,
        masks: np.ndarray,
        channels: np.ndarray,
    ) -> None:
        self.board[which] = self.clues[which] = clues
        self.solution[which] = solution
        self._masks[which] = masks
        self._observations[which] = channels
        self._empty[which] = (clues == 0).sum(axis=1)
        self._steps[which] = 0

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cell, digit = np.divmod(actions, self.size)
        there = self.board[self._everybody, cell]
        before = self._masks[self._everybody, actions]
        is_clue = self.clues[self._everybody, cell] > 0
        rewards = np.where(there > 0, self.reward.filled, self.reward.clash)
        rewards[is_clue] = self.reward.clue

        wrote = np.flatnonzero(before)
        cell, digit, there = cell[wrote], digit[wrote], there[wrote]
        right = digit + 1 == self.solution[wrote, cell]
        rewards[wrote] = np.where(right, self.reward.right, self.reward.wrong)
        self.board[wrote, cell] = digit + 1
        self._empty[wrote] -= there == 0
        terminated = np.zeros(self.num_envs, bool)
        if self.placement == "legal":
            self._masks[wrote] &= ~rules_out(self.size)[actions[wrote]]
            stuck = wrote[~self._masks[wrote].any(axis=1)]
            terminated[stuck] = True
            rewards[stuck] = self.reward.stuck
        else:
            around = self.board[wrote[:, None], peers(self.size)[cell]]
            rewards[wrote[(around == digit[:, None] + 1).any(axis=1)]] = self.reward.clash
            self._masks[wrote, actions[wrote]] = False
            over = there > 0
            self._masks[wrote[over], cell[over] * self.size + there[over] - 1] = True
        full = wrote[self._empty[wrote] == 0]
        solved = full[(self.board[full] == self.solution[full]).all(axis=1)]
        terminated[solved] = True
        rewards[solved] = self.reward.solved
        self._success[:] = False
        self._success[solved] = True
        self._steps += 1
        self._show(wrote, cell, digit, there)
        return rewards, terminated, (self._steps >= self.max_steps) & ~terminated

    def _show(
        self, wrote: np.ndarray, cell: np.ndarray, digit: np.ndarray, there: np.ndarray
    ) -> None:
        """Bring the observations of those that wrote up to date."""
        if self.observation == "conflicts":
            boards = self.board[wrote], self.clues[wrote], self._masks[wrote]
            self._observations[wrote] = self._channels(*boards)
            return
        row, column = np.divmod(cell, self.size)
        over = there > 0
        self._observations[wrote[over], there[over] - 1, row[over], column[over]] = 0
        self._observations[wrote, digit, row, column] = 1
        if self.observation == "candidates":
            self._observations[wrote, self.size :] = self._pencilled(self._masks[wrote])

    def _pencilled(self, masks: np.ndarray) -> np.ndarray:
        """Return masks (M, A) as channels (M, N, N, N), one a digit."""
        return np.moveaxis(masks.reshape(len(masks), *[self.size] * 3), 3, 1)

    def _channels(self, boards: np.ndarray, clues: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Return observations (M, C, N, N) of boards and clues, (M, L) each, and masks (M, A)."""
        stands = one_hot(boards, self.size)
        if self.observation == "candidates":
            pencilled = self._pencilled(masks).reshape(len(boards), self.size, -1)
            parts = [stands.transpose(0, 2, 1), pencilled]
        elif self.observation == "channels":
            parts = [stands.transpose(0, 2, 1), clues[:, None] > 0]
        else:
            clashes = np.zeros((len(boards), 3, self.size**2), bool)
            if self.placement == "free":  # elsewhere nothing ever clashes
                twice = stands[:, units(self.size)].sum(axis=2) > 1  # (M, 3N, N)
                in_units = twice[:, units_of(self.size)]  # (M, L, 3, N)
                clashes = (in_units & stands[:, :, None]).any(axis=3).transpose(0, 2, 1)
            parts = [(boards / self.size)[:, None], (clues == 0)[:, None], clashes]
        channels = np.concatenate(parts, axis=1).astype(np.float32)
        return channels.reshape(*channels.shape[:2], self.size, self.size)

    def _text(self, env: int) -> str:
        return sudoku_text(self._square(self.board[env])).replace("|", "\n")

    def _pixels(self, env: int) -> np.ndarray:
        from trm_lib.viz.pixels import sudoku_pixels  # late: it loads Matplotlib

        return sudoku_pixels(self._square(self.board[env]), self._square(self.clues[env]))

    def _square(self, board: np.ndarray) -> np.ndarray:
        return board.reshape(self.size, self.size)


def one_hot(boards: np.ndarray, size: int) -> np.ndarray:
    """Return (M, L, N) bool: whether each digit stands in each cell of boards (M, L)."""
    return boards[..., None] == np.arange(1, size + 1)


@lru_cache
def units_of(size: int) -> np.ndarray:
    """Return (L, 3) int64: the row, the column and the box of each cell, as rows of ``units``."""
    return np.array([np.flatnonzero((units(size) == cell).any(axis=1)) for cell in range(size**2)])


@lru_cache
def peers(size: int) -> np.ndarray:
    """Return (L, P) int64: the other cells of the row, the column and the box of each cell."""
    around = [set(units(size)[units_of(size)[cell]].flat) - {cell} for cell in range(size**2)]
    return np.array([sorted(cells) for cells in around])


@lru_cache
def rules_out(size: int) -> np.ndarray:
    """Return (A, A) bool: which actions are no longer legal once an action has been taken."""
    n_cells = size * size
    near = np.zeros((n_cells, n_cells), bool)
    near[np.arange(n_cells)[:, None], peers(size)] = True
    same_digit = np.eye(size, dtype=bool)
    out = near[:, None, :, None] & same_digit[None, :, None, :]
    out |= np.eye(n_cells, dtype=bool)[:, None, :, None]  # the cell is filled
    return out.reshape(n_cells * size, n_cells * size)
