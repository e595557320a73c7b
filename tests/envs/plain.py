"""The rules once more, one board at a time in plain Python: what batched worlds must agree with.

Each function says what one step does, from the boards alone: `Step` is what is paid, whether the
episode has terminated, and whether it is solved; `masks` and `seen` are of the board after it.
"""

from typing import Any, NamedTuple

import numpy as np

MOVES = [(-1, 0), (0, 1), (1, 0), (0, -1)]


class Step(NamedTuple):
    """What one action does."""

    reward: float
    terminated: bool
    success: bool


class PlainMaze:
    """A maze of `trm/Maze-v0`: walls (n, n), cells by number."""

    def __init__(self, envs, env: int) -> None:
        self.reward, self.flat = envs.reward, len(envs.single_observation_space.shape) == 1
        self.walls, self.size = envs.walls[env].copy(), envs.grid[0]
        self.agent, self.goal = int(envs.start[env]), int(envs.goal[env])

    def masks(self) -> list[bool]:
        row, column = divmod(self.agent, self.size)
        return [not self.walls[row, column] >> bit & 1 for bit in range(4)]

    def step(self, action: int) -> Step:
        if not self.masks()[action]:
            return Step(self.reward.bump, False, False)
        down, right = MOVES[action]
        self.agent += down * self.size + right
        if self.agent == self.goal:
            return Step(self.reward.goal, True, True)
        return Step(self.reward.step, False, False)

    def seen(self) -> np.ndarray:
        channels = np.zeros((6, self.size, self.size), np.float32)
        for bit in range(4):
            channels[bit] = self.walls >> bit & 1
        channels[4][divmod(self.agent, self.size)] = 1
        channels[5][divmod(self.goal, self.size)] = 1
        return channels.reshape(-1) if self.flat else channels


def around(board: np.ndarray, cell: tuple[int, int]) -> list[set[int]]:
    """The digits of the row, the column and the box of a cell, without its own."""
    size, (row, column) = len(board), cell
    high, wide = {4: (2, 2), 6: (2, 3), 9: (3, 3)}[size]
    rest = board.copy()
    rest[cell] = 0
    box = rest[row // high * high :, column // wide * wide :][:high, :wide]
    return [set(unit.flat) - {0} for unit in (rest[row], rest[:, column], box)]


class PlainSudoku:
    """A board of `trm/Sudoku-v0`."""

    def __init__(self, envs, env: int) -> None:
        self.reward, self.free, self.show = envs.reward, envs.placement == "free", envs.observation
        self.clues, self.solution = envs.clues[env].copy(), envs.solution[env].copy()
        self.board, self.size = self.clues.copy(), envs.size

    def masks(self) -> list[bool]:
        return [self.writes(*self.meant(action)) for action in range(self.size**3)]

    def meant(self, action: int) -> tuple[tuple[int, int], int]:
        return divmod(action // self.size, self.size), action % self.size + 1

    def writes(self, cell: tuple[int, int], digit: int) -> bool:
        if self.clues[cell] or self.board[cell] == digit:
            return False
        if self.free:
            return True
        return not self.board[cell] and digit not in set.union(*around(self.board, cell))

    def step(self, action: int) -> Step:
        cell, digit = self.meant(action)
        writes, clashes = self.writes(cell, digit), digit in set.union(*around(self.board, cell))
        if not writes:
            name = "clue" if self.clues[cell] else "filled" if self.board[cell] else "clash"
            return Step(getattr(self.reward, name), False, False)
        self.board[cell] = digit
        if (self.board == self.solution).all():
            return Step(self.reward.solved, True, True)
        if not self.free and not any(self.masks()):
            return Step(self.reward.stuck, True, False)
        name = "clash" if clashes else "right" if digit == self.solution[cell] else "wrong"
        return Step(getattr(self.reward, name), False, False)

    def seen(self) -> np.ndarray:
        digits = [self.board == digit for digit in range(1, self.size + 1)]
        if self.show == "channels":
            channels = [*digits, self.clues > 0]
        elif self.show == "candidates":
            channels = [*digits, *np.moveaxis(np.reshape(self.masks(), (self.size,) * 3), 2, 0)]
        else:
            twice = np.zeros((3, self.size, self.size))
            for cell in zip(*np.nonzero(self.board), strict=True):
                twice[:, *cell] = [self.board[cell] in unit for unit in around(self.board, cell)]
            channels = [self.board / self.size, self.clues == 0, *twice]
        return np.array(channels, np.float32)


class PlainCell(PlainSudoku):
    """A question of `trm/SudokuCell-v0`."""

    def __init__(self, envs, env: int) -> None:
        self.reward, self.cell = envs.reward, divmod(int(envs.cell[env]), envs.size)
        self.clues, self.solution = envs.clues[env].copy(), envs.solution[env].copy()
        self.board, self.size = self.clues.copy(), envs.size

    def masks(self) -> list[bool]:
        taken = set.union(*around(self.board, self.cell))
        return [digit not in taken for digit in range(1, self.size + 1)]

    def step(self, action: int) -> Step:
        self.board[self.cell] = action + 1
        right = bool(action + 1 == self.solution[self.cell])
        return Step(self.reward.right if right else self.reward.wrong, True, right)

    def seen(self) -> np.ndarray:
        asked = np.zeros((self.size, self.size))
        asked[self.cell] = 1
        digits = [self.board == digit for digit in range(1, self.size + 1)]
        return np.array([*digits, asked], np.float32)


def same(ours: Any, theirs: Any) -> None:
    """Compare nested tuples, dicts and arrays; arrays in dtype too."""
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            if key == "final_obs" and theirs[key].dtype == object:  # Gymnasium's own
                ended = ours["_final_obs"]
                np.testing.assert_array_equal(ours[key][ended], np.stack(theirs[key][ended]))
                assert not ours[key][~ended].any()
            else:
                same(ours[key], theirs[key])
    elif isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for first, second in zip(ours, theirs, strict=True):
            same(first, second)
    else:
        np.testing.assert_array_equal(ours, theirs, strict=True)
