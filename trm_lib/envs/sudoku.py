"""`trm/Sudoku-v0`: fill a Sudoku, one digit at a time.

Axes: E environments, N rows and columns, L = N * N cells numbered row by row, A actions,
M episodes, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.envs.base import BatchedEnv, Reward, SingleEnv, check_choice, find_reward
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
_EMPTIES, _PUZZLE = 0, 1  # streams of randomness


@dataclass(frozen=True)
class SudokuReward(Reward):
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


SUDOKU_REWARDS = {
    "clean": SudokuReward(-0.01, -0.01, -0.01, -0.01, -0.01, solved=1.0, stuck=-0.01),
    "evns": SudokuReward(1.0, 1.0, -1.0, -1.0, -1.0, solved=6.0, stuck=1.0),
    "improved": SudokuReward(1.0, 0.2, -1.0, -0.3, -0.5, solved=11.0, stuck=-1.8),
}
"""Reward schemes by name; "evns" and "improved" are those of the scripts the book rebuilds."""


class SudokuBoards(BatchedEnv):
    """Worlds about Sudokus with exactly one solution each, made from keys.

    A subclass sets ``size`` by `_choose` before all else, and prepares ``board``, ``clues`` and
    ``solution``, (E, N, N) int8 each.
    """

    option = "puzzles"

    def _choose(
        self, size: int, empties: Empties | None, puzzles: ArrayLike | None, usual: int
    ) -> int:
        """Take in which puzzles to play; return how many cells one costs to make.

        Raises:
            ValueError: If an argument is not as `SudokuVectorEnv` says.
        """
        box_shape(size)  # refuses other sizes
        self._given = None
        if puzzles is not None:
            if empties is not None:
                raise ValueError(
                    f"empties expected None where puzzles are given, got {empties!r}: the puzzles "
                    "have as many empty cells as they have"
                )
            self._given = _with_solutions(puzzles)
            size = self._given[0].shape[1]
        most, asked = size * size - FEWEST_CLUES[size], usual if empties is None else empties
        both = asked if isinstance(asked, tuple | list) else (asked, asked)
        whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in both)
        if len(both) != 2 or not whole or not 1 <= both[0] <= both[1] <= most:
            raise ValueError(
                f"empties expected 1 to {most} for a {size}x{size} Sudoku with one solution, or "
                f"(fewest, most) of these, got {empties!r}"
            )
        self.size, self._empties = size, (int(both[0]), int(both[1]))
        return size**2 if size == 4 or puzzles is not None else 1 << 17  # 4x4 ones come in bulk

    def _draw(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the puzzle and solution, (M, N, N) int8 each, of each key."""
        if self._given is not None:
            chosen = draw_below(keys, _PUZZLE, len(self._given[0]))
            return self._given[0][chosen], self._given[1][chosen]
        fewest, most = self._empties
        empties = fewest + draw_below(keys, _EMPTIES, most - fewest + 1)
        puzzles, solutions = np.zeros((2, len(keys), self.size, self.size), np.int8)
        for count in np.unique(empties):
            which = np.flatnonzero(empties == count)
            clues = self.size**2 - int(count)
            if self.size == 4:
                every = sudokus_4x4(clues)
                drawn = masked_grids(every[draw_below(keys[which], _PUZZLE, len(every))])
            else:
                rngs = [np.random.default_rng(int(key)) for key in keys[which]]
                made = [generate_sudoku(self.size, 1, rng, clues) for rng in rngs]
                drawn = map(np.concatenate, zip(*made, strict=True))
            puzzles[which], solutions[which] = drawn
        return puzzles, solutions

    def _read(self, puzzles: Any) -> tuple[np.ndarray, ...]:
        puzzles, shape = np.asarray(puzzles), (self.num_envs, self.size, self.size)
        puzzles = puzzles[None] if puzzles.ndim == 2 and self.num_envs == 1 else puzzles
        if puzzles.shape != shape:
            raise ValueError(
                f'reset option "puzzles" expected boards of shape {shape}, got {puzzles.shape}'
            )
        return _with_solutions(puzzles)

    def _text(self, env: int) -> str:
        return sudoku_text(self.board[env]).replace("|", "\n")

    def _pixels(self, env: int) -> np.ndarray:
        from trm_lib.viz.pixels import sudoku_pixels  # late: it loads Matplotlib

        return sudoku_pixels(self.board[env], self.clues[env])


class SudokuVectorEnv(SudokuBoards):
    """Fill a Sudoku, one digit at a time: E boards at once.

    What follows is said of one environment; in a batch every array has the axis E before.
    Environment i plays what a `SudokuEnv` plays under the seed seed + i.

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
    empty cells; 6x6 and 9x9 ones are generated one by one, milliseconds each: give `puzzles` where
    speed matters.

    ## Episode end
    Terminated when the board is the solution, or, with "legal" placement, when nothing legal is
    left to write; truncated after `max_steps` steps without either.

    ## Information
    `action_mask`: (N^3,) int8, 1 where the action writes a digit; `action_masks()` gives the same
    as bool. `is_success`: whether the board is the solution.

    Args:
        num_envs: E (1).
        render_mode: None, "ansi" or "rgb_array".
        size: N, 4, 6 or 9 (4).
        empties: How many cells are empty, or (fewest, most) to draw from (4). At most 12 for
            4x4, 28 for 6x6 and 64 for 9x9; close to the most, 6x6 and 9x9 puzzles are rarely
            found, and `reset` then says so.
        puzzles: (M, N, N) boards with one solution each to draw from, in place of `size` and
            `empties`. This is how training and test are kept apart.
        placement: "legal" or "free".
        reward: The name of a scheme, or a `SudokuReward`.
        observation: "channels", "conflicts" or "candidates".
        max_steps: Time limit (4 N^2).

    Raises:
        ValueError: If an argument is not as above, or a puzzle has no solution, several, or no
            empty cell; nothing is made then.

    ## Reset options
    `{"puzzles": boards}`: (E, N, N) to play in place of the next of the sequence.

    ## Attributes
    `board`, `clues` and `solution`, (E, N, N) int8 each, 0 where empty; `size`, `placement`,
    `observation`, `reward`, `max_steps`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        size: int = 4,
        empties: Empties | None = None,
        puzzles: ArrayLike | None = None,
        placement: Literal["legal", "free"] = "legal",
        reward: str | SudokuReward = "clean",
        observation: Literal["channels", "conflicts", "candidates"] = "channels",
        max_steps: int | None = None,
    ) -> None:
        cells = self._choose(size, empties, puzzles, usual=4)
        size = self.size
        channels = {"channels": size + 1, "conflicts": 5, "candidates": 2 * size}
        check_choice("placement", placement, ("legal", "free"))
        check_choice("observation", observation, channels)
        self.placement, self.observation = placement, observation
        self.reward = find_reward(reward, SUDOKU_REWARDS)
        space = spaces.Box(0, 1, (channels[observation], size, size), np.float32)
        max_steps = 4 * size**2 if max_steps is None else max_steps
        super().__init__(num_envs, render_mode, space, size**3, max_steps, cells)

    def action_masks(self) -> np.ndarray:
        """Return (E, N^3) bool: which actions write a digit."""
        return self._masks.copy()

    def _prepare(self, puzzles: np.ndarray, solutions: np.ndarray) -> dict[str, np.ndarray]:
        boards = puzzles.reshape(len(puzzles), self.size**2)
        if self.placement == "free":
            masks = np.repeat(boards == 0, self.size, axis=1)
        else:
            in_units = one_hot(boards, self.size)[:, units(self.size)].any(axis=2)  # (M, 3N, N)
            masks = ~in_units[:, _units_of(self.size)].any(axis=2) & (boards == 0)[..., None]
            masks = masks.reshape(len(boards), self.size**3)
        return {
            "board": puzzles, "clues": puzzles, "solution": solutions,
            "_masks": masks,  # (M, A)
            "_empty": (boards == 0).sum(axis=1),  # cells still empty
            "_observations": self._channels(puzzles, puzzles, masks),
        }  # fmt: skip

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cell = actions // self.size
        there = self.board.reshape(self.num_envs, -1)[self._everybody, cell]
        is_clue = self.clues.reshape(self.num_envs, -1)[self._everybody, cell] > 0
        rewards = np.where(there > 0, self.reward.filled, self.reward.clash)
        rewards[is_clue] = self.reward.clue
        terminated = np.zeros(self.num_envs, bool)
        self._success[:] = False
        wrote = np.flatnonzero(self._masks[self._everybody, actions])
        if len(wrote) > 0:
            self._write(wrote, actions[wrote], there[wrote], rewards, terminated)
        return rewards, terminated

    def _write(
        self,
        wrote: np.ndarray,
        actions: np.ndarray,
        there: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
    ) -> None:
        """Write digits on boards ``wrote``, over those that are ``there``, (M,) each.

        Their places in ``rewards`` and ``terminated``, (E,), are set.
        """
        board, solution = (b.reshape(self.num_envs, -1) for b in (self.board, self.solution))
        cell, digit = np.divmod(actions, self.size)
        right = digit + 1 == solution[wrote, cell]
        rewards[wrote] = np.where(right, self.reward.right, self.reward.wrong)
        board[wrote, cell] = digit + 1
        self._empty[wrote] -= there == 0
        if self.placement == "legal":
            self._masks[wrote] &= ~_rules_out(self.size)[actions]
            stuck = wrote[~self._masks[wrote].any(axis=1)]
            terminated[stuck] = True
            rewards[stuck] = self.reward.stuck
        else:
            around = board[wrote[:, None], peers(self.size)[cell]]
            rewards[wrote[(around == digit[:, None] + 1).any(axis=1)]] = self.reward.clash
            self._masks[wrote, actions] = False
            over = there > 0
            self._masks[wrote[over], cell[over] * self.size + there[over] - 1] = True
        full = wrote[self._empty[wrote] == 0]
        solved = full[(board[full] == solution[full]).all(axis=1)]
        terminated[solved] = True
        rewards[solved] = self.reward.solved
        self._success[solved] = True
        self._show(wrote, cell, digit, there)

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
        """Return observations (M, C, N, N) of boards, clues (M, N, N), and masks (M, A)."""
        boards, clues = (b.reshape(len(b), self.size**2) for b in (boards, clues))
        stands = one_hot(boards, self.size)  # (M, L, N)
        if self.observation == "candidates":
            pencilled = self._pencilled(masks).reshape(stands.transpose(0, 2, 1).shape)
            parts = [stands.transpose(0, 2, 1), pencilled]
        elif self.observation == "channels":
            parts = [stands.transpose(0, 2, 1), clues[:, None] > 0]
        else:
            clashes = np.zeros((len(boards), 3, self.size**2), bool)
            if self.placement == "free":  # elsewhere nothing ever clashes
                twice = stands[:, units(self.size)].sum(axis=2) > 1  # (M, 3N, N)
                in_units = twice[:, _units_of(self.size)]  # (M, L, 3, N)
                clashes = (in_units & stands[:, :, None]).any(axis=3).transpose(0, 2, 1)
            parts = [(boards / self.size)[:, None], (clues == 0)[:, None], clashes]
        channels = np.concatenate(parts, axis=1).astype(np.float32)
        return channels.reshape(*channels.shape[:2], self.size, self.size)


class SudokuEnv(SingleEnv):
    """Fill a Sudoku, one digit at a time: one board, as `SudokuVectorEnv` specifies it."""

    world = SudokuVectorEnv
    shows = (
        "size", "placement", "observation", "reward", "max_steps", "board", "clues", "solution"
    )  # fmt: skip


def _with_solutions(puzzles: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return puzzles and their solutions, (M, N, N) int8 each; refuse those without exactly one."""
    puzzles = check_boards(puzzles)
    if puzzles.ndim != 3 or len(puzzles) == 0:
        raise ValueError(f"puzzles: expected shape (M, N, N) with M >= 1, got {puzzles.shape}")
    full = (puzzles > 0).all(axis=(1, 2))
    if full.any():
        raise ValueError(f"puzzle {full.argmax()} has no empty cell: nothing is left to do")
    grids = all_grids_4x4()
    solutions = np.zeros_like(puzzles)
    for index, puzzle in enumerate(puzzles):
        if len(puzzle) == 4:
            fits = ((puzzle == 0) | (puzzle == grids)).all(axis=(1, 2))
            count, solution = fits.sum(), grids[fits.argmax()]
        else:
            exact = solve_exactly(puzzle)
            count, solution = exact.n_solutions, exact.solution
        if count != 1:
            raise ValueError(
                f"puzzle {index} has {'no solution' if count == 0 else 'several solutions'}, "
                "expected exactly one"
            )
        solutions[index] = solution
    return puzzles.copy(), solutions


def one_hot(boards: np.ndarray, size: int) -> np.ndarray:
    """Return (M, L, N) bool: whether each digit stands in each cell of boards (M, L)."""
    return boards[..., None] == np.arange(1, size + 1)


@lru_cache
def _units_of(size: int) -> np.ndarray:
    """Return (L, 3) int64: the row, the column and the box of each cell, as rows of ``units``."""
    return np.array([np.flatnonzero((units(size) == cell).any(axis=1)) for cell in range(size**2)])


@lru_cache
def peers(size: int) -> np.ndarray:
    """Return (L, P) int64: the other cells of the row, the column and the box of each cell."""
    around = [set(units(size)[_units_of(size)[cell]].flat) - {cell} for cell in range(size**2)]
    return np.array([sorted(cells) for cells in around])


@lru_cache
def _rules_out(size: int) -> np.ndarray:
    """Return (A, A) bool: which actions are no longer legal once an action has been taken."""
    n_cells = size * size
    near = np.zeros((n_cells, n_cells), bool)
    near[np.arange(n_cells)[:, None], peers(size)] = True
    same_digit = np.eye(size, dtype=bool)
    out = near[:, None, :, None] & same_digit[None, :, None, :]
    out |= np.eye(n_cells, dtype=bool)[:, None, :, None]  # the cell is filled
    return out.reshape(n_cells * size, n_cells * size)
