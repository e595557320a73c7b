"""Adam-atan2: Adam without the epsilon, the optimizer of the official TRM code."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn


class AdamAtan2(torch.optim.Optimizer):
    """Adam's step m / (sqrt(v) + eps) becomes 4/pi * atan2(m, sqrt(v)); decay as in AdamW.

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
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ):
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
                # atan2(1, 1) is pi / 4: the first step has length lr, as in Adam
                p.sub_(torch.atan2(m_hat, v_hat.sqrt_()), alpha=lr * (4 / math.pi))
