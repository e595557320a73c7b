"""`trm/SudokuCell-v0`: name the digit of one cell. One step an episode.

Axes: E environments, M episodes, N rows and columns, L = N * N cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import number
from trm_lib.envs.base import BatchedEnv, Episodes, SingleEnv, check_choice
from trm_lib.envs.sudoku import Empties, SudokuSource, one_hot, peers, read_puzzles
from trm_lib.puzzles import sudoku_text


@dataclass(frozen=True)
class SudokuCellReward:
    """What the one step pays.

    Attributes:
        right: for the digit of the solution.
        wrong: for any other.
    """

    right: float
    wrong: float

    def __post_init__(self) -> None:
        for name in ("right", "wrong"):
            value = number(getattr(self, name), name, lambda x: True, "a finite number")
            object.__setattr__(self, name, value)  # as a float: NumPy would cut others to ints


SUDOKU_CELL_REWARDS = {
    "clean": SudokuCellReward(right=1.0, wrong=0.0),
    "improved": SudokuCellReward(right=10.0, wrong=-1.0),
}
"""Reward schemes by name; "improved" is that of the scripts the book rebuilds."""


class SudokuCellEnv(SingleEnv):
    """Name the digit of one cell of a Sudoku.

    ## Action space
    `Discrete(N)`: digit - 1.

    ## Observation space
    `Box(0, 1, (N + 1, N, N), float32)`. Channel d - 1 marks the cells that hold digit d, channel N
    the cell that is asked for. After the step, that cell holds the digit chosen.

    ## Rewards
    `"clean"`: 1 for the digit of the solution, 0 for any other. `"improved"`: 10 and -1. Or a
    `SudokuCellReward` of your own.

    ## Starting state
    A new puzzle with exactly one solution each episode, drawn as in `SudokuEnv`, and one of its
    empty cells, each equally likely.

    ## Episode end
    Terminated after one step; never truncated.

    ## Information
    `action_mask`: (N,) int8, 1 for each digit that clashes with nothing in the row, column and box
    of the cell asked for; `action_masks()` gives the same as bool. `is_success`: whether the digit
    was right.

    Args:
        size: N, 4, 6 or 9.
        empties: How many cells are empty, or (fewest, most) to draw from (1).
        puzzles: (M, N, N) boards with one solution each to draw from, in place of `size` and
            `empties`.
        reward: The name of a scheme, or a `SudokuCellReward`.
        render_mode: None, "ansi" or "rgb_array".

    Raises:
        ValueError: If an argument is not as above; nothing is made then.

    ## Reset options
    `{"puzzles": boards}`: (1, N, N) to play, or (E, N, N) for a vector environment; the cell asked
    for is the first empty one.
    """

    option = "puzzles"

    def __init__(
        self,
        size: int = 4,
        empties: Empties | None = None,
        puzzles: ArrayLike | None = None,
        reward: str | SudokuCellReward = "clean",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(render_mode)
        if not isinstance(reward, SudokuCellReward):
            check_choice("reward", reward, tuple(SUDOKU_CELL_REWARDS))
            reward = SUDOKU_CELL_REWARDS[reward]
        self._source = SudokuSource(size, empties, puzzles, usual=1)
        self.size, self.reward = self._source.size, reward
        shape = (self.size + 1, self.size, self.size)
        self.observation_space = spaces.Box(0, 1, shape, np.float32)
        self.action_space = spaces.Discrete(self.size)
        self._episodes = Episodes(self._make, 1, self._source.cells_made)

    def action_masks(self) -> np.ndarray:
        """Return (N,) bool: which digits clash with nothing."""
        row, column = self.cell
        around = self.board.reshape(-1)[peers(self.size)[row * self.size + column]]
        return np.array([digit not in around for digit in range(1, self.size + 1)])

    def _make(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        puzzles, solutions = self._source.episodes(keys)
        return puzzles, solutions, self._source.cells(keys, puzzles)

    def _read_option(self, puzzles: ArrayLike, count: int) -> tuple[np.ndarray, ...]:
        puzzles, solutions = read_puzzles(puzzles, count, self.size)
        return puzzles, solutions, (puzzles.reshape(count, -1) == 0).argmax(axis=1)

    def _begin(self, puzzle: np.ndarray, solution: np.ndarray, cell: np.ndarray) -> None:
        self.clues, self.board, self.solution = puzzle.copy(), puzzle.copy(), solution.copy()
        self.cell = divmod(int(cell), self.size)

    def _advance(self, action: int) -> tuple[float, bool, bool]:
        self.board[self.cell] = action + 1
        self._success = bool(action + 1 == self.solution[self.cell])
        return self.reward.right if self._success else self.reward.wrong, True, False

    def _observation(self) -> np.ndarray:
        digits = self.board == np.arange(1, self.size + 1)[:, None, None]
        asked = np.zeros((1, self.size, self.size), bool)
        asked[0][self.cell] = True
        return np.concatenate([digits, asked]).astype(np.float32)

    def _text(self) -> str:
        lines = sudoku_text(self.board).split("|")
        row, column = self.cell
        if not self.board[self.cell]:
            lines[row] = lines[row][:column] + "?" + lines[row][column + 1 :]
        return "\n".join(lines)

    def _pixels(self) -> np.ndarray:
        from trm_lib.viz.pixels import sudoku_pixels  # late: it loads Matplotlib

        return sudoku_pixels(self.board, self.clues, marked=self.cell)


class SudokuCellVectorEnv(BatchedEnv):
    """E such questions at once, as `SudokuCellEnv` asks them under seed, seed + 1, seed + 2 ...

    Args:
        num_envs: E.
        render_mode: None, "ansi" or "rgb_array".
        options: As for `SudokuCellEnv`, which see for spaces, rewards and infos.

    Raises:
        ValueError: If an argument is not as there.
    """

    option = "puzzles"

    def __init__(self, num_envs: int = 1, render_mode: str | None = None, **options: Any) -> None:
        self._single = SudokuCellEnv(**options)
        super().__init__(num_envs, self._single, render_mode, options)
        self.size, self.reward = self._single.size, self._single.reward
        cells = self._single._source.cells_made
        self._episodes = Episodes(self._make, num_envs, cells)
        self.board, self.clues, self.solution = np.zeros((3, num_envs, self.size**2), np.int8)
        self.cell = np.zeros(num_envs, np.int64)
        self._masks = np.zeros((num_envs, self.size), bool)
        self._observations = np.zeros((num_envs, *self.single_observation_space.shape), np.float32)

    def action_masks(self) -> np.ndarray:
        """Return (E, N) bool: which digits clash with nothing."""
        return self._masks.copy()

    def _make(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._prepared(*self._single._make(keys))

    def _read_option(self, puzzles: ArrayLike, count: int) -> tuple[np.ndarray, ...]:
        return self._prepared(*self._single._read_option(puzzles, count))

    def _prepared(
        self, puzzles: np.ndarray, solutions: np.ndarray, cell: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Add the mask, (M, N), and the observation, (M, N + 1, N, N)."""
        boards = puzzles.reshape(len(puzzles), -1)
        stands = one_hot(boards, self.size)  # (M, L, N)
        episodes = np.arange(len(boards))
        masks = ~stands[episodes[:, None], peers(self.size)[cell]].any(axis=1)
        channels = np.zeros((len(boards), self.size + 1, self.size**2), np.float32)
        channels[:, :-1] = stands.transpose(0, 2, 1)
        channels[episodes, -1, cell] = 1
        channels = channels.reshape(len(boards), -1, self.size, self.size)
        return boards, solutions.reshape(boards.shape), cell, masks, channels

    def _begin(
        self,
        which: np.ndarray,
        clues: np.ndarray,
        solution: np.ndarray,
        cell: np.ndarray,
        masks: np.ndarray,
        channels: np.ndarray,
    ) -> None:
        self.board[which] = self.clues[which] = clues
        self.solution[which] = solution
        self.cell[which] = cell
        self._masks[which] = masks
        self._observations[which] = channels

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self.board[self._everybody, self.cell] = actions + 1
        row, column = np.divmod(self.cell, self.size)
        self._observations[self._everybody, actions, row, column] = 1
        self._success = actions + 1 == self.solution[self._everybody, self.cell]
        rewards = np.where(self._success, self.reward.right, self.reward.wrong)
        return rewards, np.ones(self.num_envs, bool), np.zeros(self.num_envs, bool)

    def _text(self, env: int) -> str:
        return self._as_single(env)._text()

    def _pixels(self, env: int) -> np.ndarray:
        return self._as_single(env)._pixels()

    def _as_single(self, env: int) -> SudokuCellEnv:
        square = (self.size, self.size)
        board, clues = self.board[env].reshape(square), self.clues[env].reshape(square)
        self._single._begin(clues, self.solution[env].reshape(square), self.cell[env])
        self._single.board = board
        return self._single
