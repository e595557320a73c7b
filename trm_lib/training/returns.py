"""What an action was worth: returns, and generalised advantages.

Axes: S time steps, E environments.

Source: Williams, "Simple statistical gradient-following algorithms" (1992); Schulman et al.,
"High-dimensional continuous control using generalized advantage estimation" (arXiv 1506.02438).
"""

from __future__ import annotations

import torch
from torch import Tensor


def discounted_returns(rewards: Tensor, done: Tensor, gamma: float) -> Tensor:
    """Rewards to go, G_t = r_t + gamma * G_{t+1}, begun anew where an episode is done.

    Args:
        rewards: (S, E) float.
        done: (S, E) bool, whether the episode ended with this step.
        gamma: discount.

    Returns:
        (S, E) float. What comes after the last step counts as 0.

    Raises:
        ValueError: no steps, other types, shapes that differ, or rewards that are not finite.
    """
    _require_steps((rewards,), (done,))
    returns = torch.zeros_like(rewards)
    ahead = rewards.new_zeros(rewards.shape[1:])
    for t in range(len(rewards) - 1, -1, -1):
        ahead = rewards[t] + gamma * ahead * ~done[t]
        returns[t] = ahead
    return returns


def advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantages: sums of temporal differences, weighted by (gamma * lambda)^i.

    delta_t = r_t + gamma * V(s_{t+1}) - V(s_t), with V(s_{t+1}) = 0 where the episode terminated.
    Where it was only cut off, V of the last observation stands for what would have come.

    Args:
        rewards, values: (S, E) float.
        next_values: (S, E) float, V of the observation that followed, the final one where the
            episode ended.
        terminated, truncated: (S, E) bool.
        gamma: discount.
        gae_lambda: 0 trusts the values after one step, 1 the rewards alone.

    Returns:
        (S, E) float.

    Raises:
        ValueError: no steps, other types, shapes that differ, or rewards that are not finite.
    """
    _require_steps((rewards, values, next_values), (terminated, truncated))
    deltas = rewards + gamma * next_values * ~terminated - values
    goes_on = ~(terminated | truncated)
    result = torch.zeros_like(rewards)
    ahead = rewards.new_zeros(rewards.shape[1:])
    for t in range(len(rewards) - 1, -1, -1):
        ahead = deltas[t] + gamma * gae_lambda * ahead * goes_on[t]
        result[t] = ahead
    return result


def in_deviations(centred: Tensor, deviation: Tensor, largest: Tensor) -> Tensor:
    """Numbers less their mean, over their standard deviation; 0 where that is rounding noise.

    Args:
        centred: (S, E) float.
        deviation, largest: () or (E,) float, their standard deviation, and the largest magnitude
            before the mean was taken away.
    """
    noise = deviation <= 1e-6 * largest
    return (centred / (deviation + 1e-8)).masked_fill(noise, 0.0)


def _require_steps(numbers: tuple[Tensor, ...], ends: tuple[Tensor, ...]) -> None:
    """Check rewards, and values if any, and how episodes ended."""
    rewards, *others = *numbers, *ends
    if rewards.dim() != 2 or not all(part.is_floating_point() for part in numbers):
        raise ValueError(f"rewards and values expected (S, E) float, got {_forms(numbers)}")
    if any(part.dtype != torch.bool for part in ends):
        raise ValueError(f"done, terminated and truncated expected bool, got {_forms(ends)}")
    if rewards.numel() == 0:
        raise ValueError("rewards expected at least one step, got none: the episodes are empty")
    if any(other.shape != rewards.shape for other in others):
        shapes = ", ".join(str(tuple(other.shape)) for other in others)
        raise ValueError(f"expected everything of shape {tuple(rewards.shape)}, got {shapes}")
    if not torch.isfinite(rewards).all():
        t, env = (int(i) for i in (~torch.isfinite(rewards)).nonzero()[0][:2])
        raise ValueError(
            f"rewards expected finite numbers, got {rewards[t, env].item()} at step {t} of "
            f"environment {env}: mend the environment or its reward"
        )


def _forms(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in tensors)
