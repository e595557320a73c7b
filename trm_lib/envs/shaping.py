"""Potentials: one number a state, the higher the better it looks. `shaping` pays their change.

Axes: E environments, M some of them, n rows and columns, L = n * n cells.

Potential-based reward shaping: hints on the way that leave the best policies what they are.

To every reward is added F = gamma * Phi(s') - Phi(s), where Phi, the potential, says how good a
state looks, and Phi of a terminal state is 0. Along an episode s_0 ... s_T these sum, discounted,
to gamma^T Phi(s_T) - Phi(s_0), whatever lies between. Once the episode has terminated that is
-Phi(s_0), the same for every policy; so it is where an episode never ends, for gamma < 1. Hence
the optimal Q with shaping is Q* - Phi, and the best actions are the same.

With Phi = -d, d a distance to the goal, a step nearer pays 1 + (1 - gamma) * (d - 1). A bump, which
leaves the agent where it is, pays (1 - gamma) * d, not less than 0. That is right, and harmless:
all that comes after it comes one step later, and the sum stays d(s_0).

A bonus 0.2 * (d - d') for coming nearer, as in the scripts the book rebuilds, has this form for
gamma = 1 alone. A bump earns 0 there, while F = (gamma - 1) * Phi(s) = 0 needs gamma = 1 or
Phi(s) = 0. For gamma < 1 its sum depends on the way: a step nearer and the step back earn
0.2 * (1 - gamma), and an agent far from its goal may do best to walk to and fro for ever.

Axes: E environments, M some of them.

Source:
    Ng, Harada and Russell, "Policy invariance under reward transformations", ICML 1999: theorem 1
    on the policies, corollary 2 on Q.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import CodeType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import concatenate, create_empty_array
from numpy.typing import ArrayLike

from trm_lib.checks import number
from trm_lib.envs.base import described
from trm_lib.envs.maze import AGENT, read_maze
from trm_lib.puzzles import maze_distances

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


class PotentialShaping(gym.Wrapper, RecordConstructorArgs):
    """Add F = gamma * Phi(s') - Phi(s) to every reward.

    Where an episode terminates, Phi(s') is 0. Where it is truncated, Phi(s') is kept: the episode
    was only cut off, and the learner bootstraps from there.

    Info: ``unshaped_reward`` is the reward as it came from the environment, ``unshaped_return``
    their undiscounted sum so far; both are 0 after ``reset``. `RecordEpisodeStatistics` records
    unshaped returns if it is wrapped inside of this, shaped ones if outside.

    Args:
        env: Any environment; a Maze for the named potentials.
        potential: "manhattan" or "shortest path", minus that distance of the agent to the goal; or
            a function of observations (M, ...) that returns (M,) finite numbers, for any M.
        gamma: The learner's own discount, 0 to 1; with another one the best policies may change.
        weight: Multiplies the potential.

    Raises:
        ValueError: If an argument is not as above; on ``reset`` or ``step``, if the potential is
            not finite numbers of the right shape, or the observations are not those of a Maze.
    """

    def __init__(
        self, env: gym.Env, potential: Potential, gamma: float, weight: float = 1.0
    ) -> None:
        RecordConstructorArgs.__init__(
            self, potential=potential, gamma=gamma, weight=weight, _disable_deepcopy=True
        )
        super().__init__(env)
        self.gamma = _discount(gamma)
        self.potential = find_potential(potential, weight, env.observation_space, 1)
        self._phi = self._return = 0.0
        self._everybody = np.arange(1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        batch = _batch(self.env.observation_space, [observation])
        self.potential.begin(self._everybody, batch)
        self._phi = float(self.potential(self._everybody, batch)[0])
        self._return = 0.0
        return observation, info | {"unshaped_reward": 0.0, "unshaped_return": 0.0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        ahead = 0.0
        if not terminated:
            batch = _batch(self.env.observation_space, [observation])
            ahead = float(self.potential(self._everybody, batch)[0])
        shaping = self.gamma * ahead - self._phi
        self._phi = ahead
        self._return += float(reward)
        info = info | {"unshaped_reward": float(reward), "unshaped_return": self._return}
        return observation, float(reward) + shaping, terminated, truncated, info


class VectorPotentialShaping(VectorWrapper):
    """Add F = gamma * Phi(s') - Phi(s) to every reward of E environments.

    It gives what a `SyncVectorEnv` of `PotentialShaping` environments would, infos included: where
    an episode ends, ``infos`` are those of the next one's beginning, and the last values of
    ``unshaped_reward`` and ``unshaped_return`` are in ``infos["final_info"]``.

    Args:
        envs: Vector environments that begin anew in the same step (``AutoresetMode.SAME_STEP``).
            Under another mode, wrap each environment in `PotentialShaping` instead.
        potential, gamma, weight: As for `PotentialShaping`.

    Raises:
        ValueError: As for `PotentialShaping`, and if ``envs`` begin anew otherwise.
    """

    def __init__(
        self, envs: VectorEnv, potential: Potential, gamma: float, weight: float = 1.0
    ) -> None:
        super().__init__(envs)
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"expected environments with AutoresetMode.SAME_STEP, got {mode}: make them so, or "
                "wrap each in PotentialShaping"
            )
        self.gamma = _discount(gamma)
        space = envs.single_observation_space
        self.potential = find_potential(potential, weight, space, self.num_envs)
        self._everybody = np.arange(self.num_envs)
        self._phi, self._returns = np.zeros((2, self.num_envs))

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode everywhere."""
        if "reset_mask" in (options or {}):
            raise ValueError(
                'reset option "reset_mask" is for AutoresetMode.DISABLED: leave it out, or wrap '
                "each environment in PotentialShaping"
            )
        observations, infos = self.env.reset(seed=seed, options=options)
        self.potential.begin(self._everybody, observations)
        self._phi = self.potential(self._everybody, observations)
        self._returns = zeros = np.zeros(self.num_envs)
        everywhere = np.ones(self.num_envs, bool)
        return observations, infos | _unshaped(zeros, zeros, everywhere, everywhere)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action everywhere."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        done = terminated | truncated
        rewards = rewards.astype(float)
        returns = self._returns + rewards
        cut_off = np.flatnonzero(truncated & ~terminated)
        ahead = np.zeros(self.num_envs)  # Phi(s'), 0 where s' is terminal
        if len(cut_off):
            last = [infos["final_obs"][env] for env in cut_off]
            ahead[cut_off] = self.potential(cut_off, _batch(self.single_observation_space, last))
        if done.any():
            infos = infos | {
                "final_info": infos["final_info"] | _unshaped(rewards, returns, done, done)
            }
            self.potential.begin(np.flatnonzero(done), observations)
        phi = self.potential(self._everybody, observations)
        shaped = rewards + (self.gamma * np.where(done, ahead, phi) - self._phi)
        self._phi, self._returns = phi, np.where(done, 0.0, returns)
        infos = infos | _unshaped(rewards, returns, ~done, np.ones(self.num_envs, bool))
        return observations, shaped, terminated, truncated, infos

    def fingerprint(self) -> dict[str, str]:
        """What two environments must share for one to take the other's state."""
        said = self.potential.fingerprint()
        return self.env.fingerprint() | {"shaping": f"{said}, gamma {self.gamma!r}"}

    def state(self) -> dict[str, np.ndarray]:
        """Where every episode stands; see `BatchedEnv.state`."""
        own = {"shaping.phi": self._phi.copy(), "shaping.returns": self._returns.copy()}
        tables = {f"shaping.{name}": table for name, table in self.potential.state().items()}
        return self.env.state() | own | tables

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Stand where ``state`` was taken; ValueError if it is that of other environments."""
        first = "shaping."
        own = {n.removeprefix(first): v.copy() for n, v in state.items() if n.startswith(first)}
        ours = {"phi": self._phi, "returns": self._returns} | self.potential.state()
        if _forms(own) != _forms(ours):
            raise ValueError(
                f"state expected that of shaped environments, with {_forms(ours)} of the shaping, "
                f"got {_forms(own)}"
            )
        self.env.set_state({n: v for n, v in state.items() if not n.startswith(first)})
        self._phi, self._returns = own.pop("phi"), own.pop("returns")
        self.potential.set_state(own)


def _forms(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    return {name: f"{array.dtype} {array.shape}" for name, array in arrays.items()}


def _discount(gamma: float) -> float:
    return number(gamma, "gamma", lambda x: 0 <= x <= 1, "the learner's discount, 0 to 1")


def _batch(space: gym.Space, observations: list[Any]) -> Any:
    """Batch M observations of one environment each, as ``space`` wants it."""
    return concatenate(space, observations, create_empty_array(space, len(observations)))


def _unshaped(
    rewards: np.ndarray, returns: np.ndarray, shown: np.ndarray, present: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the info (E,) of the environments ``shown``, zeros elsewhere, and its masks."""
    return {
        "unshaped_reward": np.where(shown, rewards, 0.0),
        "_unshaped_reward": present.copy(),
        "unshaped_return": np.where(shown, returns, 0.0),
        "_unshaped_return": present.copy(),
    }
