"""The small parts every network in this book is built from.

Axes: B batch, L cells, D width. All weights are drawn from a generator that the caller
passes in, so a seed fixes a model completely and building one disturbs nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.models.fused import GatedUnit, Product, RMSNorm, fits, gated_unit


def truncated_normal_(weight: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """Fill `weight` with a normal cut off at two sigma whose standard deviation really is `std`.

    Cutting the tails of a normal shrinks its standard deviation; the shrinkage is divided out.

    Source: the JAX/Flax truncated-normal initialiser, as the official TRM code uses it.
    """
    phi = math.exp(-2.0) / math.sqrt(2.0 * math.pi)  # density of a standard normal at 2
    mass = math.erf(math.sqrt(2.0))  # its probability inside (-2, 2)
    shrinkage = math.sqrt(1.0 - 4.0 * phi / mass)
    with torch.no_grad():
        weight.uniform_(-mass, mass, generator=generator).erfinv_().mul_(math.sqrt(2.0))
        return weight.mul_(std / shrinkage).clamp_(-2 * std / shrinkage, 2 * std / shrinkage)


def rms_norm(h: Tensor, eps: float = 1e-5) -> Tensor:
    """Scale the last axis to root mean square 1, with nothing to learn.

    Args:
        h: (..., D) float.
        eps: added to the mean square, against division by zero.
    """
    return RMSNorm.apply(h, eps) if fits(h) else F.rms_norm(h, h.shape[-1:], eps=eps)


def rms_norm_by_steps(h: Tensor, eps: float = 1e-5) -> Tensor:
    """`rms_norm` in single operations, in float32, which leave the memory layout as it is.

    The same number up to rounding. A model loaded from the official code uses this one, so that
    on the same processor not even the rounding differs.
    """
    wide = h.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(h.dtype)


def norm_of(fused: bool) -> Callable[[Tensor], Tensor]:
    """`rms_norm`, or the one by steps."""
    return rms_norm if fused else rms_norm_by_steps


class Linear(nn.Module):
    """A matrix without bias, (..., fan_in) -> (..., fan_out); weights of std 1/sqrt(fan_in).

    `fused` allows the faster product of `fused.py`, here and in the other layers.
    """

    def __init__(
        self, fan_in: int, fan_out: int, generator: torch.Generator, *, fused: bool = True
    ):
        super().__init__()
        self.fused = fused
        self.weight = nn.Parameter(torch.empty(fan_out, fan_in))
        truncated_normal_(self.weight, fan_in**-0.5, generator)

    def forward(self, h: Tensor) -> Tensor:
        if not self.fused:
            return F.linear(h, self.weight)
        rows = h.reshape(-1, h.shape[-1])  # else PyTorch may multiply board by board, which is slow
        product = Product.apply if fits(h) else F.linear
        return product(rows, self.weight).view(*h.shape[:-1], len(self.weight))


class SwiGLU(nn.Module):
    """The gated feed-forward layer, (..., D) -> (..., D): down(silu(gate(h)) * up(h)).

    Source: Shazeer, "GLU Variants Improve Transformer" (2020). As in the official TRM code,
    gate and up are one matrix, gate first.
    """

    def __init__(self, width: int, hidden: int, generator: torch.Generator, *, fused: bool = True):
        super().__init__()
        self.fused = fused
        self.gate_up = Linear(width, 2 * hidden, generator, fused=fused)
        self.down = Linear(hidden, width, generator, fused=fused)

    def forward(self, h: Tensor) -> Tensor:
        if self.fused and fits(h):
            rows = h.reshape(-1, h.shape[-1])
            unit = GatedUnit.apply if torch.is_grad_enabled() else gated_unit
            return unit(rows, self.gate_up.weight, self.down.weight).view(h.shape)
        gate, up = self.gate_up(h).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


def swiglu_hidden(width: int, expansion: float, multiple: int) -> int:
    """Hidden size of a SwiGLU: expansion * width * 2/3, rounded up to a multiple.

    The 2/3 keeps a three-matrix SwiGLU as large as a two-matrix layer of `expansion * width`.
    """
    return max(1, math.ceil(round(expansion * width * 2 / 3) / multiple)) * multiple
