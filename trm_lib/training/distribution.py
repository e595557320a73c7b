"""Choosing among the legal actions: masked softmax, its entropy, sampling, imitation.

Axes: K improvement steps, A actions.
"""

from __future__ import annotations

import torch
from torch import Tensor

MASKED = -1e8
"""The logit of an action that is not allowed."""


def log_probs(logits: Tensor, mask: Tensor) -> Tensor:
    """Log probabilities of all actions, about -1e8 where the mask forbids one.

    Args:
        logits: (..., A) float.
        mask: bool, True where allowed; of the same shape or broadcast to it.

    Raises:
        ValueError: a mask allows nothing, or is not bool.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"mask expected bool, got {mask.dtype}")
    if not mask.any(-1).all():
        count = int((~mask.any(-1)).sum())
        raise ValueError(
            f"mask expected at least one allowed action in every state, got none in {count} of "
            f"{mask[..., 0].numel()}: the environment should have ended such an episode"
        )
    return torch.log_softmax(logits.masked_fill(~mask, MASKED), dim=-1)


def entropy(log_p: Tensor) -> Tensor:
    """Entropy in nats of log probabilities from `log_probs`: (..., A) -> (...).

    A masked action has probability exactly 0 and adds exactly 0.
    """
    return -(log_p.exp() * log_p).sum(-1)


def log_prob_of(log_p: Tensor, actions: Tensor) -> Tensor:
    """The log probability of the action taken: (..., A) and (...) int64 -> (...)."""
    return log_p.gather(-1, actions[..., None])[..., 0]


def sample(log_p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an action for each row: (B, A) -> (B,) int64.

    Raises:
        FloatingPointError: the logits were not numbers.
    """
    if torch.isnan(log_p).any():
        raise FloatingPointError(
            "the policy's logits became nan, so no action was drawn: lower lr, or look for "
            "non-finite values in the policy or its observations"
        )
    return torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0]


def imitation_loss(log_p: Tensor) -> Tensor:
    """Deep supervision of a policy: every earlier answer is to become the last one.

    Cross-entropy of the answers after 1 to K - 1 improvement steps against the answer after K,
    which is the teacher and gets no gradient; mean over all, 0 for K = 1. A policy gradient of
    their own would be wrong for them, since the actions were drawn from the last answer.

    Args:
        log_p: (K, ..., A) float from `log_probs`.
    """
    if len(log_p) == 1:
        return log_p.new_zeros(())
    teacher = log_p[-1].detach().exp()
    return -(teacher * log_p[:-1]).sum(-1).mean()
