"""Potential-based reward shaping: hints on the way that leave the best policies what they are.

To every reward is added F = gamma * Phi(s') - Phi(s), where Phi, the potential, says how good a
state looks, and Phi of a terminal state is 0. Along an episode s_0 ... s_T these sum, discounted,
to gamma^T Phi(s_T) - Phi(s_0), whatever lies between. Once the episode has terminated that is
-Phi(s_0), the same for every policy; so it is where an episode never ends, for gamma < 1. Hence
the optimal Q with shaping is Q* - Phi, and the best actions are the same. Where an episode is
truncated, Phi(s_T) is kept: it was only cut off, and the learner bootstraps from there.

With Phi = -d, d a distance to the goal, a step nearer pays 1 + (1 - gamma) * (d - 1). A bump, which
leaves the agent where it is, pays (1 - gamma) * d, not less than 0. That is right, and harmless:
all that comes after it comes one step later, and the sum stays d(s_0).

A bonus 0.2 * (d - d') for coming nearer, as in the scripts the book rebuilds, has this form for
gamma = 1 alone. For gamma < 1 its sum depends on the way: a step nearer and the step back earn
0.2 * (1 - gamma), and an agent far from its goal may do best to walk to and fro for ever.

Axes: E environments, M some of them, n rows and m columns, L = n * m cells.

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
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import ArrayLike

from trm_lib.checks import FINITE, SHARE, one_of
from trm_lib.envs.base import require_same_forms
from trm_lib.envs.maze import AGENT, read_maze
from trm_lib.puzzles import maze_distances


def manhattan(walls: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """(M, L) float64: minus the steps to the goal if there were no walls."""
    rows, columns = np.divmod(np.arange(np.prod(walls.shape[1:])), walls.shape[2])
    goal_rows, goal_columns = np.divmod(goal[:, None], walls.shape[2])
    return -(abs(rows - goal_rows) + abs(columns - goal_columns)).astype(float)


def shortest_path(walls: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """(M, L) float64: minus the steps to the goal; -L, less than any, where none lead."""
    distances = maze_distances(walls, goal).reshape(len(goal), -1)
    return -np.where(distances < 0, distances.shape[1], distances).astype(float)


PotentialLike = str | Callable[[np.ndarray], ArrayLike]

MAZE_POTENTIALS = {"manhattan": manhattan, "shortest path": shortest_path}
"""Potentials of `trm/Maze-v0` by name: walls (M, n, m) and goals (M,) to one value a cell."""


class Potential:
    """Phi in E environments, and what it adds to their rewards.

    All is read from the observations, never from the environment behind them. A potential with a
    name is reckoned for all cells once an episode, and then looked up.

    Args:
        potential, gamma, weight: as for `PotentialShaping`.
        space: of one observation.
        num_envs: E.
    """

    def __init__(
        self,
        potential: PotentialLike,
        gamma: float,
        weight: float,
        space: spaces.Space,
        num_envs: int,
    ) -> None:
        self.gamma, self.weight = SHARE(gamma, "gamma"), FINITE(weight, "weight")
        self.function, n_cells = potential, 0
        self.name = getattr(potential, "__qualname__", type(potential).__qualname__)
        if not callable(potential):
            self.name = one_of(MAZE_POTENTIALS)(potential, "potential")
            self.function, n_cells = None, int(np.prod(space.shape or 0)) // 6
        self.tables = np.zeros((num_envs, n_cells))  # (E, L); (E, 0) for functions
        self.now = np.zeros(num_envs)  # Phi of the present state

    def begin(self, which: np.ndarray, observations: np.ndarray) -> None:
        """Take in where episodes begin: environments `which`, observations (M, ...)."""
        if self.function is None:
            walls, _, goal = read_maze(observations)
            self.tables[which] = self.weight * MAZE_POTENTIALS[self.name](walls, goal)
        self.now[which] = self(which, observations)

    def __call__(self, which: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """Phi, (M,), of observations (M, ...) of the environments `which`, (M,)."""
        if self.function is None:
            cells = observations.reshape(len(which), 6, -1)[:, AGENT]
            return self.tables[which, cells.argmax(axis=1)]
        values = np.asarray(self.function(observations))
        numbers = values.shape == which.shape and values.dtype.kind in "fiu"
        if not numbers or not np.isfinite(values).all():
            raise ValueError(
                f"potential expected {which.shape} finite numbers, one an observation, got "
                f"{values!r}"
            )
        return self.weight * values.astype(float)

    def hints(self, ahead: np.ndarray) -> np.ndarray:
        """F, (E,), of a step to states whose Phi is `ahead`."""
        return self.gamma * ahead - self.now


class PotentialShaping(gym.Wrapper):
    """Add F = gamma * Phi(s') - Phi(s) to every reward.

    Info: `unshaped_reward` is the reward as it came from the environment, 0 after `reset`.
    `RecordEpisodeStatistics` records unshaped returns if it is wrapped inside of this, shaped ones
    if outside.

    Args:
        env: any environment whose observations are arrays; a Maze for the named potentials.
        potential: "manhattan" or "shortest path", minus that distance of the agent to the goal; or
            a function of observations (M, ...) that returns (M,) finite numbers, for any M.
        gamma: the learner's own discount, 0 to 1; with another one the best policies may change.
        weight: multiplies the potential.

    Raises:
        ValueError: an argument is not as above; on `reset` or `step`, the potential is not finite
            numbers of the right shape, or the observations are not those of a Maze.
    """

    def __init__(
        self, env: gym.Env, potential: PotentialLike, gamma: float, weight: float = 1.0
    ) -> None:
        super().__init__(env)
        self.potential = Potential(potential, gamma, weight, env.observation_space, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.potential.begin(np.arange(1), observation[None])
        return observation, info | {"unshaped_reward": 0.0}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Take one action."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        ahead = np.zeros(1)
        if not terminated:
            ahead = self.potential(np.arange(1), observation[None])
        shaped = float(reward) + self.potential.hints(ahead).item()
        self.potential.now = ahead
        info = info | {"unshaped_reward": float(reward)}
        return observation, shaped, terminated, truncated, info


class VectorPotentialShaping(VectorWrapper):
    """Add F = gamma * Phi(s') - Phi(s) to every reward of E environments.

    It gives what `PotentialShaping` around each would, infos included: where an episode ends,
    `infos` are those of the next one's beginning, and the last `unshaped_reward` is in
    `infos["final_info"]`.

    Args:
        envs: vector environments that begin anew in the same step (`AutoresetMode.SAME_STEP`).
            Under another mode, wrap each environment in `PotentialShaping` instead.
        potential, gamma, weight: as for `PotentialShaping`.

    Raises:
        ValueError: as for `PotentialShaping`, and if `envs` begin anew otherwise.
    """

    def __init__(
        self, envs: VectorEnv, potential: PotentialLike, gamma: float, weight: float = 1.0
    ) -> None:
        super().__init__(envs)
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"expected environments with AutoresetMode.SAME_STEP, got {mode}: make them so, or "
                "wrap each in PotentialShaping"
            )
        space = envs.single_observation_space
        self.potential = Potential(potential, gamma, weight, space, self.num_envs)
        self._everybody = np.arange(self.num_envs)

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode everywhere."""
        observations, infos = self.env.reset(seed=seed, options=options)
        self.potential.begin(self._everybody, observations)
        nothing, everywhere = np.zeros(self.num_envs), np.ones(self.num_envs, bool)
        return observations, infos | _unshaped(nothing, everywhere)

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Take one action everywhere."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        done, everywhere = terminated | truncated, np.ones(self.num_envs, bool)
        ahead = self.potential(self._everybody, observations)
        ahead[done] = 0.0
        cut_off = np.flatnonzero(truncated & ~terminated)
        if len(cut_off):
            ahead[cut_off] = self.potential(cut_off, np.stack(infos["final_obs"][cut_off]))
        shaped = rewards + self.potential.hints(ahead)
        self.potential.now = ahead
        infos = infos | _unshaped(np.where(done, 0.0, rewards), everywhere)
        if done.any():
            ended = np.flatnonzero(done)
            self.potential.begin(ended, observations[ended])
            infos["final_info"] = infos["final_info"] | _unshaped(
                np.where(done, rewards, 0.0), done
            )
        return observations, shaped, terminated, truncated, infos

    def fingerprint(self) -> dict[str, str]:
        """What two environments must share for one to take the other's state.

        A function of the observations is known by its qualified name alone.
        """
        own = self.potential
        return self.env.fingerprint() | {"shaping": f"{own.name} * {own.weight}, gamma {own.gamma}"}

    def state(self) -> dict[str, np.ndarray]:
        """Where every episode stands; see `BatchedEnv.state`."""
        own = {"shaping.now": self.potential.now, "shaping.tables": self.potential.tables}
        return self.env.state() | {name: array.copy() for name, array in own.items()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Stand where `state` was taken; ValueError if it is that of other environments."""
        require_same_forms(state, self.state())
        self.env.set_state({n: v for n, v in state.items() if not n.startswith("shaping.")})
        self.potential.now = state["shaping.now"].copy()
        self.potential.tables = state["shaping.tables"].copy()


def _unshaped(rewards: np.ndarray, present: np.ndarray) -> dict[str, np.ndarray]:
    return {"unshaped_reward": rewards, "_unshaped_reward": present}
