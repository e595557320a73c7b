"""What a wrong answer costs.

Axes: B batch, V vocabulary; of policies K improvement steps, A actions.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from trm_lib.models import HaltingOutput
from trm_lib.training.data import IGNORE


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the right token, averaged over the labelled cells of the batch: a scalar.

    Args: as for `stablemax_loss`.
    """
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORE)


def log_stablemax(logits: Tensor) -> Tensor:
    """The logarithm of stablemax, a softmax that grows linearly: (..., V) -> (..., V) float64.

    s(v) = v + 1 from 0 on and 1 / (1 - v) below, divided by its sum. Softmax's exponential turns
    a large lead into a probability of exactly 1, whose gradient is lost; this does not.

    Source: Prieto et al., "Grokking at the Edge of Numerical Stability" (arXiv 2501.04697); in
    float64 as in the official TRM code.

    Deviation: float32 on Apple's MPS, which has no float64.
    """
    logits = logits.float() if logits.device.type == "mps" else logits.double()
    below = logits.clamp(max=0.0)  # keeps the branch not taken finite, and so its gradient
    positive = torch.where(logits < 0, 1 / (1 - below), logits + 1)
    return torch.log(positive / positive.sum(-1, keepdim=True))


def stablemax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Stablemax cross-entropy, the mean over the labelled cells of each board: (B,) float64.

    A board without labelled cells costs nothing.

    Args:
        logits: (B, *grid, V) float.
        labels: (B, *grid) int64 in [0, V) or `IGNORE`.

    Raises:
        ValueError: the shapes do not belong together.
    """
    if logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"labels expected shape {tuple(logits.shape[:-1])} to match the logits, got "
            f"{tuple(labels.shape)}"
        )
    labelled = labels != IGNORE
    right = labels.where(labelled, 0)[..., None]
    cost = -log_stablemax(logits).gather(-1, right)[..., 0].where(labelled, 0.0)
    cells = labelled.flatten(1).sum(1).clamp(min=1)
    return (cost / cells.view(-1, *[1] * (labels.dim() - 1))).flatten(1).sum(1)


def exactly_right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which boards have every labelled cell right: (B,) bool."""
    return ((logits.argmax(-1) == labels) | (labels == IGNORE)).flatten(1).all(1)


def act_loss(out: HaltingOutput, labels: Tensor) -> Tensor:
    """The official loss of one improvement step: answer and halting, per board of the batch.

    The sum over boards of `stablemax_loss` and half of the halt head's cross-entropy, over the
    batch size; the half is in the official code only, not in the paper. The head learns from
    whether the answer just given is right; that target carries no gradient. With
    `TRMConfig.continuing` it also learns what going on is worth, from its own guess a step later.

    Args:
        out: of a model with `halting`: logits (B, *grid, V) and halt_logit (B,).
        labels: (B, *grid) int64 in [0, V) or `IGNORE`, of the boards in `carry.inputs`.

    Returns:
        A scalar, float64.
    """
    answer = stablemax_loss(out.logits, labels).sum()
    halt_cost = partial(F.binary_cross_entropy_with_logits, reduction="sum")
    halt = halt_cost(out.halt_logit, exactly_right(out.logits, labels).to(out.halt_logit.dtype))
    if out.go_on_target is not None:
        halt = halt + halt_cost(out.go_on_logit, out.go_on_target)
    return (answer + 0.5 * halt) / len(labels)


def imitation_loss(log_p: Tensor) -> Tensor:
    """Deep supervision of a policy: every earlier answer is to become the last one.

    Cross-entropy of the answers after 1 to K - 1 improvement steps against the answer after K,
    which is the teacher and gets no gradient; mean over all, 0 for K = 1. A policy gradient of
    their own would be wrong for them, since the actions were drawn from the last answer.

    Args:
        log_p: (K, ..., A) float, log probabilities of actions.
    """
    if len(log_p) == 1:
        return log_p.new_zeros(())
    teacher = log_p[-1].detach().exp()
    return -(teacher * log_p[:-1]).sum(-1).mean()
