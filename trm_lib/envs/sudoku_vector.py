"""The vector form of `trm/Sudoku-v0`: E boards filled at once.

Axes: E environments, N rows and columns, L = N * N cells, A = L * N actions, M episodes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trm_lib.envs.batched import BatchedEnv
from trm_lib.envs.episodes import Episodes
from trm_lib.envs.sudoku import SudokuEnv, read_puzzles
from trm_lib.puzzles.sudoku_format import sudoku_text
from trm_lib.puzzles.sudoku_geometry import units


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
