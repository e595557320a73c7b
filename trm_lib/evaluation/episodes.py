"""Playing episodes with a policy and counting how they end.

Axes: E environments, A actions, M episodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from trm_lib.checks import whole
from trm_lib.puzzles.maze import Mazes, check_walls

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Observations (E, ...) and masks (E, A) to actions (E,). One that remembers also has `begin()` and
`ended(done)`, as `Acting` does."""
_AT_ONCE = 4096


@dataclass(frozen=True)
class Outcomes:
    """How each of M episodes ended.

    Attributes:
        success: (M,) bool, as the environment says.
        returns: (M,) float64, undiscounted sums of rewards.
        lengths: (M,) int64, steps.
    """

    success: np.ndarray
    returns: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.success)


def play_episodes(
    envs: VectorEnv, policy: Policy, episodes: int, seed: int | None = None
) -> Outcomes:
    """Play the same number of episodes in every environment.

    Counting the first M to end instead would favour short episodes.

    Args:
        envs: Environments that begin anew in the same step; with masks in their info.
        policy: Observations (E, ...) and masks (E, A) to actions (E,).
        episodes: M, a multiple of E.
        seed: Of ``envs``; None goes on where they are.

    Raises:
        ValueError: If ``episodes`` is no multiple of E, or the environments begin anew otherwise.
    """
    each = whole(episodes, "episodes", 1) // envs.num_envs
    if each * envs.num_envs != episodes:
        raise ValueError(f"episodes expected a multiple of {envs.num_envs}, got {episodes}")
    return _play(envs, policy, each, {"seed": seed})


def play_each(
    make: Callable[[int], VectorEnv], cases: Mazes | np.ndarray, policy: Policy
) -> Outcomes:
    """Play each of a list of mazes or puzzles once, in order.

    Args:
        make: Gives an environment of so many copies, `lambda e: gym.make_vec("trm/Maze-v0", e)`.
        cases: What ``reset(options=...)`` of that environment takes: `Mazes`, or puzzles (M, N, N).
        policy: Observations (E, ...) and masks (E, A) to actions (E,).

    Raises:
        ValueError: If there are no cases, or the environments begin anew otherwise.
    """
    require_cases(cases)
    parts = []
    for first in range(0, len(cases), _AT_ONCE):
        part = cases[first : first + _AT_ONCE]
        envs = make(len(part))
        options = {envs.unwrapped.option: part}
        parts.append(_play(envs, policy, 1, {"options": options}))
    names = ("success", "returns", "lengths")
    return Outcomes(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def require_cases(cases: Mazes | np.ndarray) -> None:
    """Raise ValueError if there is nothing to play."""
    if len(cases) == 0:
        raise ValueError("cases expected at least one maze or puzzle, got none")


def every_maze(layouts: np.ndarray) -> Mazes:
    """Pair every layout with every start and every other cell as goal.

    Args:
        layouts: (M, n, n) uint8 walls.

    Returns:
        M * L * (L - 1) mazes, layout by layout.
    """
    layouts = check_walls(layouts, "layouts")
    n_cells = layouts.shape[1] ** 2
    start, goal = np.nonzero(~np.eye(n_cells, dtype=bool))
    return Mazes(
        np.repeat(layouts, len(start), axis=0),
        np.tile(start, len(layouts)),
        np.tile(goal, len(layouts)),
    )


def _play(envs: VectorEnv, policy: Policy, each: int, how: dict[str, Any]) -> Outcomes:
    """Play ``each`` episodes in every environment, and list them environment by environment."""
    if envs.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
        raise ValueError(
            "expected environments with AutoresetMode.SAME_STEP, got "
            f"{envs.metadata.get('autoreset_mode')}: make them with gymnasium.make_vec from trm/"
        )
    shape = (envs.num_envs, each)
    success, returns, lengths = np.zeros(shape, bool), np.zeros(shape), np.zeros(shape, np.int64)
    played = np.zeros(envs.num_envs, np.int64)
    observations, infos = envs.reset(**how)
    begin, follow = getattr(policy, "begin", None), getattr(policy, "ended", None)
    if begin is not None:  # it remembers
        begin()
    while (played < each).any():
        actions = policy(observations, infos["action_mask"])
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        if follow is not None:
            follow(terminated | truncated)
        on = np.flatnonzero(played < each)
        returns[on, played[on]] += rewards[on]
        lengths[on, played[on]] += 1
        ended = on[(terminated | truncated)[on]]
        if len(ended):
            success[ended, played[ended]] = infos["final_info"]["is_success"][ended]
            played[ended] += 1
    return Outcomes(success.reshape(-1), returns.reshape(-1), lengths.reshape(-1))
