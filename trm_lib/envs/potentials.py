"""Potentials: one number a state, the higher the better it looks. `shaping` pays their change.

Axes: E environments, M some of them, n rows and columns, L = n * n cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike

from trm_lib.checks import number
from trm_lib.envs.batched import described
from trm_lib.envs.maze import AGENT, read_maze
from trm_lib.puzzles.maze_distances import maze_distances

Potential = str | Callable[[Any], ArrayLike]


def manhattan(walls: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return (M, L) float64: minus the steps to the goal if there were no walls."""
    size = walls.shape[1]
    rows, columns = np.divmod(np.arange(size * size), size)
    goal_rows, goal_columns = np.divmod(goal[:, None], size)
    return -(abs(rows - goal_rows) + abs(columns - goal_columns)).astype(float)


def shortest_path(walls: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return (M, L) float64: minus the steps to the goal; -L, less than any, where none lead."""
    distances = maze_distances(walls, goal).reshape(len(goal), -1)
    return -np.where(distances < 0, distances.shape[1], distances).astype(float)


MAZE_POTENTIALS = {"manhattan": manhattan, "shortest path": shortest_path}
"""Potentials of `trm/Maze-v0` by name: walls (M, n, n) and goals (M,) to one value a cell."""


class MazePotential:
    """A potential over the cells of E mazes, reckoned once an episode and then looked up.

    Everything is read from the observations, never from the environment behind them.

    Args:
        name: A key of ``MAZE_POTENTIALS``.
        weight: Multiplies it.
        space: Of one observation.
        num_envs: E.

    Raises:
        ValueError: If these are not observations of a Maze.
    """

    def __init__(self, name: str, weight: float, space: spaces.Space, num_envs: int) -> None:
        shape = space.shape if isinstance(space, spaces.Box) else ()
        size = int((np.prod(shape) / 6) ** 0.5)
        if size < 2 or shape not in ((6, size, size), (6 * size * size,)):
            raise ValueError(
                f'potential "{name}" expected observations of trm/Maze-v0, (6, n, n) or '
                f"(6 * n * n,), got {space}: give a function of the observations instead"
            )
        self.name, self.weight = name, weight
        self._tables = np.zeros((num_envs, size * size))

    def begin(self, which: np.ndarray, observations: np.ndarray) -> None:
        """Take in the mazes where an episode begins: ``which`` (M,), observations (E, ...)."""
        channels = np.asarray(observations)[which].reshape(len(which), 6, -1)
        one_each = channels[:, AGENT:].sum(axis=2) == 1
        if not (((channels == 0) | (channels == 1)).all() and one_each.all()):
            raise ValueError(
                f'potential "{self.name}" expected observations of trm/Maze-v0, zeros and ones '
                "that mark one agent and one goal, got others: put the shaping inside of "
                "wrappers that change the observations"
            )
        walls, _, goal, _ = read_maze(channels)
        self._tables[which] = self.weight * MAZE_POTENTIALS[self.name](walls, goal)

    def __call__(self, which: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """Return the potentials (M,) of observations (M, ...) of the environments ``which``."""
        cells = np.asarray(observations).reshape(len(which), 6, -1)[:, AGENT]
        return self._tables[which, cells.argmax(axis=1)]

    def fingerprint(self) -> str:
        """What it is, in words."""
        return f"{self.name} * {self.weight!r}"

    def state(self) -> dict[str, np.ndarray]:
        """What was reckoned for the mazes being played."""
        return {"tables": self._tables.copy()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Put back what ``state`` gave."""
        self._tables = state["tables"]


class FunctionPotential:
    """A potential that is a function of the observation, checked each time.

    Args:
        function: Observations (M, ...) to (M,) finite numbers, for any M.
        weight: Multiplies it.
    """

    def __init__(self, function: Callable[[Any], ArrayLike], weight: float) -> None:
        self.function, self.weight = function, weight

    def begin(self, which: np.ndarray, observations: Any) -> None:
        """Do nothing: such a potential is the same in every episode."""

    def __call__(self, which: np.ndarray, observations: Any) -> np.ndarray:
        """Return the potentials (M,) of observations (M, ...) of the environments ``which``."""
        values = np.asarray(self.function(observations))
        if values.shape != which.shape or values.dtype.kind not in "fiu":
            raise ValueError(
                f"potential expected {which.shape} numbers, one an observation, got "
                f"{values.dtype} of shape {values.shape}"
            )
        if not np.isfinite(values).all():
            bad = int(np.argmin(np.isfinite(values)))
            raise ValueError(
                f"potential expected finite numbers, got {values[bad]} in environment {which[bad]}"
            )
        return self.weight * values.astype(float)

    def fingerprint(self) -> str:
        """What it is, in words: its name, and a digest of its code and of what it holds.

        It holds defaults and the values of the function around it. Not told apart are functions
        that differ in the globals they read, in what the objects or functions they hold hold in
        turn, or in the object whose method they are. Another version of Python may compile the
        same function otherwise.
        """
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        digest = hashlib.sha256(repr(_told(self.function)).encode()).hexdigest()[:16]
        return f"{name} {digest} * {self.weight!r}"

    def state(self) -> dict[str, np.ndarray]:
        """Nothing: such a potential depends on the observation alone."""
        return {}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Nothing to put back."""


def _told(function: Callable) -> list[Any]:
    """What a function does and holds, the same in every process."""
    code = getattr(function, "__code__", None)
    if code is None:  # not written in Python, or an object with __call__
        return []
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    named = sorted((function.__kwdefaults__ or {}).items())
    held = [*cells, *(function.__defaults__ or ()), *(value for _, value in named)]
    return [_compiled(code), *map(_held, held)]


def _compiled(code: CodeType) -> list[Any]:
    """Instructions, names and constants of compiled code, without where it was written."""
    return [code.co_code, code.co_names, *map(_held, code.co_consts)]


def _held(value: Any) -> Any:
    if isinstance(value, frozenset):  # in no order that lasts
        return sorted(map(repr, value))
    value = getattr(value, "__code__", value)
    if isinstance(value, CodeType):
        return _compiled(value)
    said = described(value)
    return type(value).__qualname__ if " at 0x" in said else said  # an address tells nothing


def find_potential(
    potential: Potential, weight: float, space: spaces.Space, num_envs: int
) -> MazePotential | FunctionPotential:
    """Return a potential by its name, or the function given, times ``weight``.

    Raises:
        ValueError: If the name is not known, or is that of a Maze potential and the space is not
            that of a Maze; or if ``weight`` is not a finite number.
    """
    weight = number(weight, "weight", lambda x: True, "a finite number")
    if callable(potential):
        return FunctionPotential(potential, weight)
    if potential not in MAZE_POTENTIALS:
        names = ", ".join(f'"{name}"' for name in MAZE_POTENTIALS)
        raise ValueError(
            f"potential expected {names} or a function of observations, got {potential!r}"
        )
    return MazePotential(potential, weight, space, num_envs)
