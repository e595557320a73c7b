"""Playing episodes and counting how they end, with a policy or anything else that chooses.

An actor takes observations (E, ...) and masks (E, A) and returns actions (E,). One that remembers
also has `begin()` and `ended(done)`, as `trm_lib.training.Acting` does.

Axes: E environments, A actions, M episodes or cases, K improvement steps, L cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from trm_lib.checks import whole
from trm_lib.models import BoardPolicy, Policy, PolicyOutput
from trm_lib.puzzles import Mazes, check_walls
from trm_lib.training import Acting, require_same_step

Actor = Callable[[np.ndarray, np.ndarray], np.ndarray]
Make = Callable[[int], VectorEnv]
"""Gives an environment of so many copies, `lambda e: gym.make_vec("trm/Maze-v0", e)`."""
Cases = Mazes | np.ndarray
"""What `reset(options=...)` of an environment takes: mazes, or puzzles (M, N, N)."""

AT_ONCE = 4096  # episodes
BOARDS_AT_ONCE = 256  # few enough for a processor's cache


@dataclass(frozen=True)
class Outcomes:
    """How each of M episodes ended."""

    success: np.ndarray  #: (M,) bool, as the environment says
    returns: np.ndarray  #: (M,) float64, undiscounted sums of rewards
    lengths: np.ndarray  #: (M,) int64, steps

    def __len__(self) -> int:
        return len(self.success)


def play_episodes(
    envs: VectorEnv, actor: Actor, episodes: int, seed: int | None = None
) -> Outcomes:
    """Play the same number of episodes in every environment.

    Counting the first M to end instead would favour short episodes.

    Args:
        envs: environments that begin anew in the same step; with masks in their info.
        actor: chooses.
        episodes: M, a multiple of E.
        seed: of `envs`; None goes on where they are.

    Raises:
        ValueError: `episodes` is no multiple of E, or the environments begin anew otherwise.
    """
    each = whole(episodes, "episodes", 1) // envs.num_envs
    if each * envs.num_envs != episodes:
        raise ValueError(f"episodes expected a multiple of {envs.num_envs}, got {episodes}")
    return _play(envs, actor, each, seed=seed)


def play_each(make: Make, cases: Cases, actor: Actor) -> Outcomes:
    """Play each of a list of mazes or puzzles once, in order.

    Args:
        make: environments of so many copies.
        cases: M mazes or puzzles.
        actor: chooses.

    Raises:
        ValueError: there are no cases, or the environments begin anew otherwise.
    """
    parts = [vars(_play_cases(make, part, actor)).values() for part in _parts(cases)]
    return Outcomes(*map(np.concatenate, zip(*parts, strict=True)))


def success_by_k(
    policy: Policy, make: Make, cases: Cases, k_steps: int = 1, use_masks: bool = True
) -> np.ndarray:
    """Share of the cases that the greedy policy solves, thinking 1, 2, ... K steps: (K,) float64.

    Args:
        policy: trained; in evaluation mode from now on.
        make, cases: as for `play_each`.
        k_steps: K.
        use_masks: choose among allowed actions only.

    Raises:
        ValueError: no cases, or a policy with other actions than the environment's.
    """
    k_steps, solved = whole(k_steps, "k_steps", 1), np.zeros(k_steps)
    policy.eval()
    for part in _parts(cases):
        actors = [Acting(policy, use_masks)] * k_steps
        if isinstance(policy, BoardPolicy) and policy.thinks_once:
            plans = _plans(policy, make, part, k_steps)
            actors = [Acting(_Planned(plan, policy.config.marker), use_masks) for plan in plans]
        for k, actor in enumerate(actors):
            with thinking(policy, k + 1):
                solved[k] += _play_cases(make, part, actor).success.sum()
    return solved / len(cases)


@contextmanager
def thinking(policy: Policy, k_steps: int) -> Iterator[Policy]:
    """The policy with K improvement steps, and afterwards as before.

    Raises:
        ValueError: `k_steps` is not a whole number from 1, or the policy has no K and it is not 1.
    """
    k_steps = whole(k_steps, "k_steps", 1)
    before = getattr(policy, "k_steps", None)
    if before is None and k_steps > 1:
        raise ValueError(f"{type(policy).__name__} has no improvement steps: k_steps expected 1")
    if before is not None:
        policy.k_steps = k_steps
    try:
        yield policy
    finally:
        if before is not None:
            policy.k_steps = before


def every_maze(layouts: np.ndarray) -> Mazes:
    """Pair every layout, walls (M, n, n) uint8, with every start and every other cell as goal.

    Returns M * L * (L - 1) mazes, layout by layout.
    """
    layouts = check_walls(layouts, "layouts")
    L = layouts[0].size
    start, goal = (np.tile(cells, len(layouts)) for cells in np.nonzero(~np.eye(L, dtype=bool)))
    return Mazes(np.repeat(layouts, L * (L - 1), axis=0), start, goal)


def _parts(cases: Cases) -> list[Cases]:
    """The cases in parts that are played at once."""
    if len(cases) == 0:
        raise ValueError("cases expected at least one maze or puzzle, got none")
    return [cases[first : first + AT_ONCE] for first in range(0, len(cases), AT_ONCE)]


def _play_cases(make: Make, cases: Cases, actor: Actor) -> Outcomes:
    envs = make(len(cases))
    return _play(envs, actor, 1, options={envs.unwrapped.option: cases})


def _play(envs: VectorEnv, actor: Actor, each: int, **how: Any) -> Outcomes:
    """Play `each` episodes in every environment, and list them environment by environment."""
    require_same_step(envs)
    shape = (envs.num_envs, each)
    success, returns, lengths = np.zeros(shape, bool), np.zeros(shape), np.zeros(shape, np.int64)
    played = np.zeros(envs.num_envs, np.int64)
    observations, infos = envs.reset(**how)
    getattr(actor, "begin", lambda: None)()
    follow = getattr(actor, "ended", lambda done: None)
    while (played < each).any():
        actions = actor(observations, infos["action_mask"])
        observations, rewards, terminated, truncated, infos = envs.step(actions)
        follow(terminated | truncated)
        on = np.flatnonzero(played < each)
        returns[on, played[on]] += rewards[on]
        lengths[on, played[on]] += 1
        ended = on[(terminated | truncated)[on]]
        if len(ended):
            success[ended, played[ended]] = infos["final_info"]["is_success"][ended]
            played[ended] += 1
    return Outcomes(success.reshape(-1), returns.reshape(-1), lengths.reshape(-1))


@torch.no_grad()
def _plans(policy: BoardPolicy, make: Make, cases: Cases, k_steps: int) -> Tensor:
    """What every cell answers on the boards of the cases: (K, M, L, A + 1)."""
    envs = make(len(cases))
    observations, _ = envs.reset(options={envs.unwrapped.option: cases})
    with thinking(policy, k_steps):
        parts = torch.from_numpy(observations).split(BOARDS_AT_ONCE)
        return torch.cat([policy.answers(part) for part in parts], dim=1)


class _Planned(Policy):
    """Does what was thought at the beginning, plan (M, L, A + 1), of the cell that is marked."""

    def __init__(self, plan: Tensor, marker: int):
        super().__init__()
        self.plan, self.marker, self.n_actions = plan, marker, plan.shape[-1] - 1

    def forward(self, observations, previous, memory=None):
        cell = observations[:, self.marker].flatten(1).argmax(1)
        here = self.plan[torch.arange(len(cell)), cell][None]
        return PolicyOutput(here[..., :-1], here[..., -1]), None
