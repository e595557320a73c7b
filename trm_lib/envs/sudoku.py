"""`trm/Sudoku-v0`: fill a Sudoku, one digit at a time.

Axes: E environments, N rows and columns, L = N * N cells numbered row by row, A actions,
M episodes, C channels, P peers of a cell: the others of its row, column and box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import one_of, whole
from trm_lib.envs.base import BatchedEnv, Reward, SingleEnv, find_reward
from trm_lib.puzzles import (
    FEWEST_CLUES,
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

    A subclass calls `_choose` before all else, which sets `size`, and prepares `board`, `clues` and
    `solution`, (E, N, N) int8 each.
    """

    option = "puzzles"

    def _choose(self, size: int, empties: Empties, puzzles: ArrayLike | None) -> int:
        """Take in which puzzles to play; return how many cells one costs to make."""
        if puzzles is None:
            box_shape(size)  # refuses other sizes
            limit = size**2 - FEWEST_CLUES[size]
            fewest, most = empties if isinstance(empties, tuple | list) else (empties, empties)
            fewest = whole(fewest, "empties", 1, limit)
            self._empties = fewest, whole(most, "empties", fewest, limit)
            self._given, self.size = None, size
            return size**2 if size == 4 else 1 << 17  # 4x4 ones come in bulk
        self._given = _with_solutions(puzzles)
        self.size = self._given[0].shape[1]
        return self.size**2

    def _draw(self, keys: np.ndarray) -> tuple[np.ndarray, ...]:
        """The puzzle and solution, (M, N, N) int8 each, of each key."""
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

    def _legal(self) -> np.ndarray:
        """(E, A) bool: which actions are legal."""
        return self._masks.copy()

    def _text(self, env: int) -> str:
        return sudoku_text(self.board[env]).replace("|", "\n")

    def _pixels(self, env: int) -> np.ndarray:
        from trm_lib.viz.pixels import sudoku_pixels  # late: it loads Matplotlib

        return sudoku_pixels(self.board[env], self.clues[env], marked=self._asked(env))

    def _asked(self, env: int) -> tuple[int, int] | None:
        """The row and column that are asked for, if any are."""
        return None


class SudokuVectorEnv(SudokuBoards):
    """Fill a Sudoku, one digit at a time: E boards at once.

    What follows is said of one environment; in a batch every array has the axis E before.

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
        ValueError: An argument is not as above, or a puzzle has no solution, several, or no empty
            cell.

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
        empties: Empties = 4,
        puzzles: ArrayLike | None = None,
        placement: Literal["legal", "free"] = "legal",
        reward: str | SudokuReward = "clean",
        observation: Literal["channels", "conflicts", "candidates"] = "channels",
        max_steps: int | None = None,
    ) -> None:
        cells = self._choose(size, empties, puzzles)
        size = self.size
        channels = {"channels": size + 1, "conflicts": 5, "candidates": 2 * size}
        self.placement = one_of(("legal", "free"))(placement, "placement")
        self.observation = one_of(channels)(observation, "observation")
        self.reward = find_reward(reward, SUDOKU_REWARDS)
        space = spaces.Box(0, 1, (channels[observation], size, size), np.float32)
        max_steps = 4 * size**2 if max_steps is None else max_steps
        super().__init__(num_envs, render_mode, space, size**3, max_steps, cells)

    def _prepare(self, puzzles: np.ndarray, solutions: np.ndarray) -> dict[str, np.ndarray]:
        boards = puzzles.reshape(len(puzzles), self.size**2)
        masks = np.repeat(boards == 0, self.size, axis=1)  # (M, A)
        if self.placement == "legal":
            around = boards[:, peers(self.size)]  # (M, L, P)
            clear = [(around != digit).all(axis=2) for digit in range(1, self.size + 1)]
            masks &= np.stack(clear, axis=2).reshape(masks.shape)
        return {
            "board": puzzles, "clues": puzzles, "solution": solutions, "_masks": masks,
            "_observations": self._observe(puzzles, puzzles, masks),
        }  # fmt: skip

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        board, clues = (b.reshape(self.num_envs, -1) for b in (self.board, self.clues))
        cell, digit = np.divmod(actions, self.size)  # digits from 0
        filled = board[self._everybody, cell] > 0
        rewards = np.where(filled, self.reward.filled, self.reward.clash)
        rewards[clues[self._everybody, cell] > 0] = self.reward.clue
        terminated = np.zeros(self.num_envs, bool)
        self._success[:] = False
        wrote = np.flatnonzero(self._masks[self._everybody, actions])
        if len(wrote) > 0:
            rewards[wrote], terminated[wrote] = self._write(wrote, cell[wrote], digit[wrote])
        return rewards, terminated

    def _write(
        self, which: np.ndarray, cell: np.ndarray, digit: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Write a digit on each board of `which`; rewards and terminated, (M,) each."""
        board, solution = (b.reshape(self.num_envs, -1) for b in (self.board, self.solution))
        masks = self._masks.reshape(self.num_envs, -1, self.size)  # (E, L, N)
        around = which[:, None], peers(self.size)[cell]
        right = digit + 1 == solution[which, cell]
        rewards = np.where(right, self.reward.right, self.reward.wrong)
        board[which, cell] = digit + 1
        solved = ended = (board[which] == solution[which]).all(axis=1)
        if self.placement == "legal":
            masks[which, cell] = False
            masks[*around, digit[:, None]] = False
            ended = ~masks[which].any(axis=(1, 2))
            rewards[ended] = self.reward.stuck
        else:
            rewards[(board[around] == digit[:, None] + 1).any(axis=1)] = self.reward.clash
            masks[which, cell] = True
            masks[which, cell, digit] = False
        rewards[solved] = self.reward.solved
        self._success[which] = solved
        shown = self.board[which], self.clues[which], self._masks[which]
        self._observations[which] = self._observe(*shown)
        return rewards, ended

    def _observe(self, boards: np.ndarray, clues: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Observations (M, C, N, N) of boards, clues (M, N, N), and masks (M, A)."""
        size = self.size
        if self.observation == "candidates":
            parts = [digit_channels(boards), np.moveaxis(masks.reshape(-1, *[size] * 3), 3, 1)]
        elif self.observation == "channels":
            parts = [digit_channels(boards), clues[:, None] > 0]
        else:
            held = boards.reshape(-1, size**2)[:, units(size).reshape(3, size, size)]
            twice = ((held[..., None] == held[..., None, :]).sum(axis=4) > 1) & (held > 0)
            clashes = np.zeros((len(boards), 3, size**2), bool)
            for kind, cells in enumerate(units(size).reshape(3, -1)):  # rows, columns, boxes
                clashes[:, kind, cells] = twice[:, kind].reshape(-1, size**2)
            parts = [
                (boards / size)[:, None],
                clues[:, None] == 0,
                clashes.reshape(-1, 3, size, size),
            ]
        return np.concatenate(parts, axis=1, dtype=np.float32)


class SudokuEnv(SingleEnv):
    """Fill a Sudoku, one digit at a time: one board, as `SudokuVectorEnv` specifies it."""

    world = SudokuVectorEnv
    shows = (
        "size", "placement", "observation", "reward", "max_steps", "board", "clues", "solution"
    )  # fmt: skip


def _with_solutions(puzzles: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Puzzles and their solutions, (M, N, N) int8 each; refuse those without exactly one."""
    puzzles = check_boards(puzzles)
    if puzzles.ndim != 3 or len(puzzles) == 0:
        raise ValueError(f"puzzles: expected shape (M, N, N) with M >= 1, got {puzzles.shape}")
    full = (puzzles > 0).all(axis=(1, 2))
    if full.any():
        raise ValueError(f"puzzle {full.argmax()} has no empty cell: nothing is left to do")
    found = [solve_exactly(puzzle) for puzzle in puzzles]
    for index, exact in enumerate(found):
        if exact.n_solutions != 1:
            many = "several solutions" if exact.n_solutions else "no solution"
            raise ValueError(f"puzzle {index} has {many}, expected exactly one")
    return puzzles.copy(), np.stack([exact.solution for exact in found])


def digit_channels(boards: np.ndarray) -> np.ndarray:
    """(M, N, N, N) bool: channel d - 1 marks the cells of boards (M, N, N) that hold digit d."""
    return boards[:, None] == np.arange(1, boards.shape[1] + 1, dtype=np.int8)[:, None, None]


@lru_cache
def peers(size: int) -> np.ndarray:
    """(L, P) int64: the other cells of the row, the column and the box of each cell."""
    together = (units(size)[:, :, None] == np.arange(size**2)).any(axis=1)  # (3N, L)
    return np.nonzero((together.T @ together) & ~np.eye(size**2, dtype=bool))[1].reshape(
        size**2, -1
    )
