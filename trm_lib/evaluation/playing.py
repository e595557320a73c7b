"""Playing episodes with a policy and counting how they end.

Axes: E environments, A actions, M episodes.

How well a trained policy does, on cases it has never seen.

Axes: E environments, A actions, M cases, K improvement steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv

from trm_lib.checks import whole
from trm_lib.models import BoardPolicy, Policy
from trm_lib.puzzles import Mazes, check_walls
from trm_lib.training.rollout import log_probs, sample

Actor = Callable[[np.ndarray, np.ndarray], np.ndarray]
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
    envs: VectorEnv, policy: Actor, episodes: int, seed: int | None = None
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
    make: Callable[[int], VectorEnv], cases: Mazes | np.ndarray, policy: Actor
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


def _play(envs: VectorEnv, policy: Actor, each: int, how: dict[str, Any]) -> Outcomes:
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


_AT_ONCE_policies = 4096
_BOARDS_AT_ONCE = 256  # few enough for a processor's cache


class Acting:
    """A trained policy in the form that `play_episodes` and `play_each` take.

    Args:
        policy: put into evaluation mode.
        use_masks: choose among the actions that the masks allow; False for all.
        generator: draw actions as in training; None takes the likeliest, the first of equals.
    """

    def __init__(
        self, policy: Policy, use_masks: bool = True, generator: torch.Generator | None = None
    ):
        self.policy, self.use_masks, self.generator = policy.eval(), use_masks, generator
        self.begin()

    def begin(self) -> None:
        """Forget everything: new episodes begin everywhere."""
        self.previous: torch.Tensor | None = None
        self.memory = None

    @torch.no_grad()
    def __call__(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """Observations (E, ...) and masks (E, A) to actions (E,)."""
        _require_actions(self.policy.n_actions, masks)
        if self.previous is None:
            self.previous = torch.full((len(observations),), self.policy.n_actions)
        out, self.memory = self.policy(torch.tensor(observations), self.previous, self.memory)
        allowed = torch.from_numpy(masks > 0 if self.use_masks else np.ones_like(masks, bool))
        log_p = log_probs(out.logits[-1], allowed)
        chosen = log_p.argmax(-1) if self.generator is None else sample(log_p, self.generator)
        self.previous = chosen
        return chosen.numpy()

    def ended(self, done: np.ndarray) -> None:
        """Take note whose episode has ended, (E,) bool."""
        self.previous = torch.where(torch.from_numpy(done), self.policy.n_actions, self.previous)


@contextmanager
def thinking(policy: Policy, k: int) -> Iterator[Policy]:
    """The policy with K = k improvement steps, and afterwards as before.

    Raises:
        ValueError: k is not a whole number from 1, or the policy has no K and k is not 1.
    """
    k = whole(k, "k", 1)
    if not hasattr(policy, "k_steps"):
        if k > 1:
            raise ValueError(f"{type(policy).__name__} has no improvement steps: k expected 1")
        yield policy
        return
    before, policy.k_steps = policy.k_steps, k
    try:
        yield policy
    finally:
        policy.k_steps = before


def success_by_k(
    policy: Policy,
    make: Callable[[int], VectorEnv],
    cases: Mazes | np.ndarray,
    k_steps: int = 1,
    use_masks: bool = True,
) -> np.ndarray:
    """Share of the cases that the greedy policy solves, thinking for 1, 2, ... K steps.

    Args:
        policy: trained.
        make: gives an environment of so many copies, `lambda e: gym.make_vec("trm/Maze-v0", e)`.
        cases: `Mazes`, or puzzles (M, N, N), each played once.
        k_steps: K.
        use_masks: choose among allowed actions only.

    Returns:
        (K,) float64.

    Raises:
        ValueError: no cases, or a policy with other actions than the environment's.
    """
    k_steps = whole(k_steps, "k_steps", 1)
    require_cases(cases)
    solved = np.zeros(k_steps)
    for first in range(0, len(cases), _AT_ONCE_policies):
        part = cases[first : first + _AT_ONCE_policies]
        plans = None
        if isinstance(policy, BoardPolicy) and policy.thinks_once:
            plans = _answers(policy.eval(), make, part, k_steps)
        for k in range(1, k_steps + 1):
            with thinking(policy, k):
                acting = Acting(policy, use_masks) if plans is None else _following(
                    plans[k - 1], policy.config.marker, use_masks
                )  # fmt: skip
                solved[k - 1] += play_each(make, part, acting).success.sum()
    return solved / len(cases)


@torch.no_grad()
def _answers(
    policy: BoardPolicy, make: Callable[[int], VectorEnv], cases: Mazes | np.ndarray, k_steps: int
) -> torch.Tensor:
    """What every cell answers on the boards of the cases: (K, M, L, A)."""
    envs = make(len(cases))
    observations, _ = envs.reset(options={envs.unwrapped.option: cases})
    with thinking(policy, k_steps):
        parts = torch.from_numpy(observations).split(_BOARDS_AT_ONCE)
        return torch.cat([policy.answers(part)[..., :-1] for part in parts], dim=1)


def _following(
    plan: torch.Tensor, marker: int, use_masks: bool
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The policy that does what was thought at the beginning, plan (M, L, A), of each cell."""

    def act(observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        _require_actions(plan.shape[-1], masks)
        cell = observations[:, marker].reshape(len(plan), -1).argmax(1)
        allowed = torch.from_numpy(masks > 0 if use_masks else np.ones_like(masks, bool))
        return log_probs(plan[torch.arange(len(plan)), cell], allowed).argmax(-1).numpy()

    return act


def _require_actions(n_actions: int, masks: np.ndarray) -> None:
    if masks.shape[-1] != n_actions:
        raise ValueError(
            f"policy expected {masks.shape[-1]} actions, as the environments have, got {n_actions}"
        )
