"""How well a trained policy does, on cases it has never seen.

Axes: E environments, A actions, M cases, K improvement steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from trm_lib.checks import whole
from trm_lib.evaluation.episodes import play_each, require_cases
from trm_lib.models import BoardPolicy, Policy
from trm_lib.puzzles import Mazes
from trm_lib.training.distribution import log_probs, sample

_AT_ONCE = 4096
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
    if not hasattr(policy, "n_steps"):
        if k > 1:
            raise ValueError(f"{type(policy).__name__} has no improvement steps: k expected 1")
        yield policy
        return
    before, policy.n_steps = policy.n_steps, k
    try:
        yield policy
    finally:
        policy.n_steps = before


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
    for first in range(0, len(cases), _AT_ONCE):
        part = cases[first : first + _AT_ONCE]
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
