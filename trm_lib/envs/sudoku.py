"""`trm/Sudoku-v0`: fill a Sudoku, one digit at a time.

Axes: N rows and columns, L = N * N cells numbered row by row, A = L * N actions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import number, whole
from trm_lib.envs.episodes import Episodes
from trm_lib.envs.single import SingleEnv, check_choice
from trm_lib.envs.sudoku_source import Empties, SudokuSource, with_solutions
from trm_lib.puzzles.sudoku_format import sudoku_text
from trm_lib.puzzles.sudoku_geometry import box_shape


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
