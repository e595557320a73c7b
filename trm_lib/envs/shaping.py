"""Potential-based reward shaping: hints on the way that leave the best policies what they are.

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

Axes: E environments, M some of them, n rows and columns, L = n * n cells.

Source:
    Ng, Harada and Russell, "Policy invariance under reward transformations", ICML 1999: theorem 1
    on the policies, corollary 2 on Q.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import concatenate, create_empty_array
from numpy.typing import ArrayLike

from trm_lib.checks import number
from trm_lib.envs.base import require_same_forms
from trm_lib.envs.maze import AGENT, read_maze
from trm_lib.puzzles import maze_distances


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


PotentialLike = str | Callable[[Any], ArrayLike]

MAZE_POTENTIALS = {"manhattan": manhattan, "shortest path": shortest_path}
"""Potentials of `trm/Maze-v0` by name: walls (M, n, n) and goals (M,) to one value a cell."""


class Potential:
    """Phi in E environments: a name or a function of the observations, times a weight.

    All is read from the observations, never from the environment behind them. A potential with a
    name is reckoned for all cells once an episode, and then looked up.

    Args:
        potential: A key of ``MAZE_POTENTIALS``, or a function of observations (M, ...) that returns
            (M,) finite numbers, for any M.
        weight: Multiplies it.
        space: Of one observation.
        num_envs: E.

    Raises:
        ValueError: If it is no known name and no function, a name where the observations are not
            those of a Maze, or the weight is not a finite number.
    """

    def __init__(
        self, potential: PotentialLike, weight: float, space: spaces.Space, num_envs: int
    ) -> None:
        self.weight = number(weight, "weight", lambda x: True, "a finite number")
        self.function = potential if callable(potential) else None
        self.name, size = potential, 0
        if self.function is not None:
            self.name = getattr(potential, "__qualname__", type(potential).__qualname__)
        elif potential not in MAZE_POTENTIALS:
            names = ", ".join(f'"{name}"' for name in MAZE_POTENTIALS)
            raise ValueError(
                f"potential expected {names} or a function of observations, got {potential!r}"
            )
        else:
            shape = space.shape if isinstance(space, spaces.Box) else ()
            size = int((np.prod(shape) / 6) ** 0.5)
            if size < 2 or shape not in ((6, size, size), (6 * size * size,)):
                raise ValueError(
                    f'potential "{potential}" expected observations of trm/Maze-v0, (6, n, n) or '
                    f"(6 * n * n,), got {space}: give a function of the observations instead"
                )
        self.tables = np.zeros((num_envs, size * size))  # (E, L); (E, 0) for functions

    def begin(self, which: np.ndarray, observations: Any) -> None:
        """Take in the mazes where an episode begins: ``which`` (M,), observations (E, ...)."""
        if self.function is not None:
            return
        channels = np.asarray(observations)[which].reshape(len(which), 6, -1)
        one_each = channels[:, AGENT:].sum(axis=2) == 1
        if not (((channels == 0) | (channels == 1)).all() and one_each.all()):
            raise ValueError(
                f'potential "{self.name}" expected observations of trm/Maze-v0, zeros and ones '
                "that mark one agent and one goal, got others: put the shaping inside of "
                "wrappers that change the observations"
            )
        walls, _, goal, _ = read_maze(channels)
        self.tables[which] = self.weight * MAZE_POTENTIALS[self.name](walls, goal)

    def __call__(self, which: np.ndarray, observations: Any) -> np.ndarray:
        """Return Phi, (M,), of observations (M, ...) of the environments ``which``, (M,).

        Raises:
            ValueError: If a function returns anything but (M,) finite numbers.
        """
        if self.function is None:
            cells = np.asarray(observations).reshape(len(which), 6, -1)[:, AGENT]
            return self.tables[which, cells.argmax(axis=1)]
        values = np.asarray(self.function(observations))
        numbers = values.shape == which.shape and values.dtype.kind in "fiu"
        if not numbers or not np.isfinite(values).all():
            raise ValueError(
                f"potential expected {which.shape} finite numbers, one an observation, got "
                f"{values!r} in environments {which}"
            )
        return self.weight * values.astype(float)


class _Shaping:
    """What both wrappers do with a potential, in E environments."""

    def _begin_shaping(
        self, potential: PotentialLike, gamma: float, weight: float, space: Any, num_envs: int
    ) -> None:
        self.gamma = number(gamma, "gamma", lambda x: 0 <= x <= 1, "the learner's discount, 0 to 1")
        self.potential = Potential(potential, weight, space, num_envs)
        self._everybody = np.arange(num_envs)
        self._phi, self._returns = np.zeros((2, num_envs))

    def _restart(self, observations: Any) -> None:
        self.potential.begin(self._everybody, observations)
        self._phi = self.potential(self._everybody, observations)
        self._returns = np.zeros(len(self._everybody))

    def _pay(self, rewards: Any, ahead: Any) -> Any:
        """Return the shaped rewards of a step with Phi(s') = ``ahead``: (E,) each, or floats."""
        self._returns = self._returns + rewards
        return rewards + (self.gamma * ahead - self._phi)


class PotentialShaping(_Shaping, gym.Wrapper, RecordConstructorArgs):
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
        self, env: gym.Env, potential: PotentialLike, gamma: float, weight: float = 1.0
    ) -> None:
        RecordConstructorArgs.__init__(
            self, potential=potential, gamma=gamma, weight=weight, _disable_deepcopy=True
        )
        gym.Wrapper.__init__(self, env)
        self._begin_shaping(potential, gamma, weight, env.observation_space, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._restart(_batch(self.env.observation_space, [observation]))
        self._phi, self._returns = self._phi.item(), 0.0
        return observation, info | {"unshaped_reward": 0.0, "unshaped_return": 0.0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        ahead = 0.0
        if not terminated:
            batch = _batch(self.env.observation_space, [observation])
            ahead = self.potential(self._everybody, batch).item()
        shaped = self._pay(float(reward), ahead)
        self._phi = ahead
        info = info | {"unshaped_reward": float(reward), "unshaped_return": self._returns}
        return observation, shaped, terminated, truncated, info


class VectorPotentialShaping(_Shaping, VectorWrapper):
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
        self, envs: VectorEnv, potential: PotentialLike, gamma: float, weight: float = 1.0
    ) -> None:
        VectorWrapper.__init__(self, envs)
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"expected environments with AutoresetMode.SAME_STEP, got {mode}: make them so, or "
                "wrap each in PotentialShaping"
            )
        self._begin_shaping(potential, gamma, weight, envs.single_observation_space, self.num_envs)

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
        self._restart(observations)
        zeros, everywhere = np.zeros(self.num_envs), np.ones(self.num_envs, bool)
        return observations, infos | _unshaped(zeros, zeros, everywhere, everywhere)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action everywhere."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        rewards, done = rewards.astype(float), terminated | truncated
        cut_off = np.flatnonzero(truncated & ~terminated)
        last = np.zeros(self.num_envs)  # Phi of the last state, 0 where that is terminal
        if len(cut_off):
            seen = [infos["final_obs"][env] for env in cut_off]
            last[cut_off] = self.potential(cut_off, _batch(self.single_observation_space, seen))
        if done.any():
            self.potential.begin(np.flatnonzero(done), observations)
        phi = self.potential(self._everybody, observations)
        shaped = self._pay(rewards, np.where(done, last, phi))
        if done.any():
            final = infos["final_info"] | _unshaped(rewards, self._returns, done, done)
            infos = infos | {"final_info": final}
        infos = infos | _unshaped(rewards, self._returns, ~done, np.ones(self.num_envs, bool))
        self._phi, self._returns = phi, np.where(done, 0.0, self._returns)
        return observations, shaped, terminated, truncated, infos

    def fingerprint(self) -> dict[str, str]:
        """What two environments must share for one to take the other's state.

        A function of the observations is known by its qualified name alone.
        """
        said = f"{self.potential.name} * {self.potential.weight!r}, gamma {self.gamma!r}"
        return self.env.fingerprint() | {"shaping": said}

    def state(self) -> dict[str, np.ndarray]:
        """Where every episode stands; see `BatchedEnv.state`."""
        return self.env.state() | {
            "shaping.phi": self._phi.copy(),
            "shaping.returns": self._returns.copy(),
            "shaping.tables": self.potential.tables.copy(),
        }

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Stand where ``state`` was taken; ValueError if it is that of other environments."""
        require_same_forms(state, self.state())
        self.env.set_state({n: v for n, v in state.items() if not n.startswith("shaping.")})
        self._phi, self._returns = state["shaping.phi"].copy(), state["shaping.returns"].copy()
        self.potential.tables = state["shaping.tables"].copy()


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
