"""Adam-atan2: Adam without the epsilon, the optimizer of the official TRM code.

One optimizer step, refused if anything in it is not finite; and the rate it is taken with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from trm_lib.checks import number

FIRST_STEP_IS_LR = 4 / math.pi
"""Scale of a step: atan2(1, 1) is pi / 4, so that the first step has length lr, as in Adam."""


class AdamAtan2(torch.optim.Optimizer):
    """Adam's step m / (sqrt(v) + eps) becomes scale * atan2(m, sqrt(v)); decay as in AdamW.

    The arc tangent is bounded and needs no epsilon, so multiplying a loss by a constant changes
    nothing, as long as the squares of the gradients can be told from 0 and infinity (in float32,
    gradients from about 1e-19 to 1e19).

    Args:
        params: what to optimize.
        lr: learning rate.
        betas: decay of the running means of gradient, m, and squared gradient, v.
        weight_decay: share of a weight taken away each step, in units of lr.

    Source: Everett et al., "Scaling Exponents Across Parameterizations and Optimizers"
    (arXiv 2407.05872), appendix B, with its scale of 4 / pi.

    Raises:
        ValueError: a setting is out of range; the message says what was expected.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ):
        number(lr, "lr", lambda v: v >= 0, "a number >= 0")
        number(weight_decay, "weight_decay", lambda v: v >= 0, "a number >= 0")
        for beta in betas:
            number(beta, "betas", lambda v: 0 <= v < 1, "two numbers in [0, 1)")
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        """Take one step from the gradients that the parameters hold."""
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = torch.zeros(())
                    state["exp_avg"] = torch.zeros_like(p)
                    state["exp_avg_sq"] = torch.zeros_like(p)
                state["step"] += 1
                m = state["exp_avg"].lerp_(p.grad, 1 - beta1)
                v = state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                m_hat = m / (1 - beta1 ** state["step"].item())
                v_hat = v / (1 - beta2 ** state["step"].item())
                p.mul_(1 - lr * group["weight_decay"])
                p.sub_(torch.atan2(m_hat, v_hat.sqrt_()), alpha=lr * FIRST_STEP_IS_LR)


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
