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

Axes: E environments, M some of them.

Source:
    Ng, Harada and Russell, "Policy invariance under reward transformations", ICML 1999: theorem 1
    on the policies, corollary 2 on Q.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import concatenate, create_empty_array

from trm_lib.checks import number
from trm_lib.envs.potentials import Potential, find_potential


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
