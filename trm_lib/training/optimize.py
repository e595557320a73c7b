"""One optimizer step, refused if anything in it is not finite; and the rate it is taken with."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def descend(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    rate: float,
    max_grad_norm: float | None = None,
) -> None:
    """Take one step down the gradient of `loss`, at this learning rate.

    Args:
        model: what the optimizer trains.
        optimizer: of all its parameters.
        loss: a scalar.
        rate: learning rate.
        max_grad_norm: a longer gradient is cut to this length; None leaves it.

    Raises:
        FloatingPointError: the loss or a gradient is not finite; raised before the weights change.
    """
    if not torch.isfinite(loss):
        raise _refused(f"the loss became {loss.item()}")
    loss.backward()
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    if not torch.isfinite(norm):
        names = [n for n, p in model.named_parameters() if not _is_finite(p.grad)]
        optimizer.zero_grad()
        raise _refused(f"the gradient of {', '.join(names) or 'all together'} became non-finite")
    if max_grad_norm is not None:
        nn.utils.clip_grads_with_norm_(model.parameters(), max_grad_norm, norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()


def rate_factor(warmup: int, decay: float, step: int, n_steps: int) -> float:
    """What the learning rate is multiplied by at a step of a run: up, level, down.

    Args:
        warmup: steps over which it rises linearly from 0.
        decay: share of the run, at its end, over which it falls linearly to 0.
        step: from 0.
        n_steps: of the whole run.
    """
    up = (step + 1) / max(1, warmup)
    down = (n_steps - step) / max(1.0, decay * n_steps)
    return min(1.0, up, down)


def _is_finite(gradient: Tensor | None) -> bool:
    return gradient is None or bool(torch.isfinite(gradient).all())


def _refused(what: str) -> FloatingPointError:
    return FloatingPointError(
        f"{what}, so the optimizer step was not taken: lower lr, lengthen warmup, or look for "
        f"non-finite values in the model or its data"
    )
