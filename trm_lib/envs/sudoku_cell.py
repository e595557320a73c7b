"""`trm/SudokuCell-v0`: name the digit of one cell. One step an episode.

Axes: E environments, M episodes, N rows and columns, L = N * N cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.envs.base import Reward, SingleEnv, find_reward
from trm_lib.envs.sudoku import Empties, SudokuBoards, digit_channels, peers
from trm_lib.puzzles import draw_below

_CELL = 2  # the stream of randomness that chooses a cell


@dataclass(frozen=True)
class SudokuCellReward(Reward):
    """What the one step pays.

    Attributes:
        right: for the digit of the solution.
        wrong: for any other.
    """

    right: float
    wrong: float


SUDOKU_CELL_REWARDS = {
    "clean": SudokuCellReward(right=1.0, wrong=0.0),
    "improved": SudokuCellReward(right=10.0, wrong=-1.0),
}
"""Reward schemes by name; "improved" is that of the scripts the book rebuilds."""


class SudokuCellVectorEnv(SudokuBoards):
    """Name the digit of one cell of a Sudoku: E such questions at once, one step an episode.

    What follows is said of one environment; in a batch every array has the axis E before.

    ## Action space
    `Discrete(N)`: digit - 1.

    ## Observation space
    `Box(0, 1, (N + 1, N, N), float32)`. Channel d - 1 marks the cells that hold digit d, channel N
    the cell that is asked for. After the step, that cell holds the digit chosen.

    ## Rewards
    `"clean"`: 1 for the digit of the solution, 0 for any other. `"improved"`: 10 and -1.

    ## Starting state
    A new puzzle with exactly one solution each episode, drawn as in `SudokuVectorEnv`, and one of
    its empty cells, each equally likely.

    ## Episode end
    Terminated after one step; never truncated.

    ## Information
    `action_mask`: (N,) int8, 1 for each digit that clashes with nothing in the row, column and box
    of the cell asked for; `action_masks()` gives the same as bool. `is_success`: whether the digit
    was right.

    Args:
        render_mode, size, empties, puzzles: As for `SudokuVectorEnv`; one empty cell if not said.
        reward: The name of a scheme, or a `SudokuCellReward`.

    ## Reset options
    `{"puzzles": boards}`: (E, N, N) to play; the cell asked for is the first empty one.

    ## Attributes
    `board`, `clues` and `solution`, (E, N, N) int8 each; `cell` (E,) int64, the number of the cell
    asked for; `size`, `reward`.
    """

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        size: int = 4,
        empties: Empties = 1,
        puzzles: ArrayLike | None = None,
        reward: str | SudokuCellReward = "clean",
    ) -> None:
        cells = self._choose(size, empties, puzzles)
        self.reward = find_reward(reward, SUDOKU_CELL_REWARDS)
        space = spaces.Box(0, 1, (self.size + 1, self.size, self.size), np.float32)
        super().__init__(num_envs, render_mode, space, self.size, max_steps=1, cells=cells)

    def _draw(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        puzzles, solutions = super()._draw(keys)
        empty = puzzles.reshape(len(puzzles), self.size**2) == 0
        rank = draw_below(keys, _CELL, empty.sum(axis=1))  # among the empty cells
        return puzzles, solutions, (empty.cumsum(axis=1) > rank[:, None]).argmax(axis=1)

    def _read(self, puzzles: Any) -> tuple[np.ndarray, ...]:
        puzzles, solutions = super()._read(puzzles)
        return puzzles, solutions, (puzzles.reshape(len(puzzles), -1) == 0).argmax(axis=1)

    def _prepare(
        self, puzzles: np.ndarray, solutions: np.ndarray, cell: np.ndarray
    ) -> dict[str, np.ndarray]:
        episodes = np.arange(len(puzzles))
        around = puzzles.reshape(-1, self.size**2)[episodes[:, None], peers(self.size)[cell]]
        asked = np.arange(self.size**2) == cell[:, None]
        parts = [digit_channels(puzzles), asked.reshape(-1, 1, self.size, self.size)]
        return {
            "board": puzzles, "clues": puzzles, "solution": solutions, "cell": cell,
            "_masks": (around[..., None] != np.arange(1, self.size + 1)).all(axis=1),  # (M, N)
            "_observations": np.concatenate(parts, axis=1, dtype=np.float32),
        }  # fmt: skip

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, column = np.divmod(self.cell, self.size)
        self.board[self._everybody, row, column] = actions + 1
        self._observations[self._everybody, actions, row, column] = 1
        self._success = actions + 1 == self.solution[self._everybody, row, column]
        rewards = np.where(self._success, self.reward.right, self.reward.wrong)
        return rewards, np.ones(self.num_envs, bool)

    def _text(self, env: int) -> str:
        lines = super()._text(env).split("\n")
        row, column = self._asked(env)
        if not self.board[env, row, column]:
            lines[row] = lines[row][:column] + "?" + lines[row][column + 1 :]
        return "\n".join(lines)

    def _asked(self, env: int) -> tuple[int, int]:
        return divmod(int(self.cell[env]), self.size)


class SudokuCellEnv(SingleEnv):
    """Name the digit of one cell of a Sudoku: one board, as `SudokuCellVectorEnv` specifies it."""

    world = SudokuCellVectorEnv
    shows = ("size", "reward", "board", "clues", "solution", "cell")
