"""The operations that take a model's time, each with its gradient written by hand.

Each decides by itself how it is computed. `plain` asks for single operations in the order of the
official code; else, where it pays, it is the same up to rounding in two ways:

    - A gradient by hand keeps fewer tensors and makes fewer passes over memory than one put
      together from single operations: no views to join again, no sum that is taken twice.
    - Float32 matrices are multiplied by oneDNN where there is AVX-512; PyTorch hands them to MKL,
      which on processors that are not Intel's is slower from about a thousand rows on.

So two processors may round differently; recorded results were made on ones with AVX-512, and by
these operations at every size, so that a model's answer does not turn on how many boards are asked.
With few rows (8 boards of 16 cells) single operations and MKL are quicker.

Axes: M rows (batch times cells), D width, L cells, C channels of an attention head.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

MEASURED = torch.backends.mkl.is_available()
"""Whether this is a PyTorch on which the operations below were found to pay."""

# The operator is PyTorch's own, used by its compiler, but not documented: do without if it moves.
ONEDNN = (
    MEASURED
    and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    and torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)

product: Callable[[Tensor, Tensor], Tensor] = F.linear
"""h W^T: (M, in), (out, in) -> (M, out)."""

if ONEDNN:
    product = partial(
        torch.ops.mkldnn._linear_pointwise, B=None, attr="none", scalars=[], algorithm=""
    )

    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _product_flops(h_shape, weight_shape, *args, out_shape=None, **kwargs) -> int:
        """A multiplication and an addition for each number of `weight`, in each row."""
        return 2 * torch.Size(h_shape).numel() * weight_shape[0]


AT_A_TIME = 2048
"""Rows of a gated unit computed together, so that their hidden layer fits the cache.

What a large hidden layer costs is fresh memory from the system, several times its arithmetic.
"""


EPS = 1e-5
"""What a norm adds to the mean square, against division by zero."""


def rms_norm(h: Tensor, plain: bool = False) -> Tensor:
    """Scale the last axis to root mean square 1, with nothing to learn: (..., D) -> (..., D).

    `plain` is one operation after the other, in float32, leaving the memory layout as it is.
    """
    if plain:
        wide = h.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)).to(h.dtype)
    return RMSNorm.apply(h) if fits(h) else F.rms_norm(h, h.shape[-1:], eps=EPS)


def linear(h: Tensor, weight: Tensor, plain: bool = False) -> Tensor:
    """h W^T: (..., in), (out, in) -> (..., out)."""
    if plain:
        return F.linear(h, weight)
    rows = h.reshape(-1, h.shape[-1])  # else PyTorch may multiply board by board, which is slow
    multiply = Product.apply if fits(h) else F.linear
    return multiply(rows, weight).view(*h.shape[:-1], len(weight))


def swiglu(h: Tensor, gate_up: Tensor, down: Tensor, plain: bool = False) -> Tensor:
    """(silu(h G^T) * (h U^T)) W^T, gate G over up U in one matrix: (..., D) -> (..., D)."""
    if plain or not fits(h):
        gate, up = linear(h, gate_up, plain).chunk(2, dim=-1)
        return linear(F.silu(gate) * up, down, plain)
    rows = h.reshape(-1, h.shape[-1])
    if torch.is_grad_enabled():
        return GatedUnit.apply(rows, gate_up, down).view(h.shape)
    gate, up = gate_up.chunk(2)
    said = []
    for some in rows.split(AT_A_TIME):  # rows do not see each other
        hidden = F.silu(product(some, gate), inplace=True).mul_(product(some, up))
        said.append(product(hidden, down))
    return (said[0] if len(said) == 1 else torch.cat(said)).view(h.shape)


def rotate(h: Tensor, cos: Tensor, sin: Tensor, plain: bool = False) -> Tensor:
    """Turn queries or keys (..., L, C) by their position's angles, cos and sin (L, C)."""
    if not plain and fits(h):
        return Rotation.apply(h, cos, sin)
    first, second = h.chunk(2, dim=-1)
    return h * cos + torch.cat([-second, first], dim=-1) * sin


def fits(h: Tensor) -> bool:
    """Whether the operations below serve `h`; if not, the plain formulas do.

    A compiler does better with the plain formulas, and autocast acts on nothing else.
    """
    return (
        MEASURED
        and h.dtype == torch.float32
        and h.device.type == "cpu"
        and h.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class RMSNorm(torch.autograd.Function):
    """h / root mean square, along the last axis: (..., D) -> (..., D)."""

    @staticmethod
    def forward(ctx, h: Tensor) -> Tensor:
        mean_square = torch.linalg.vector_norm(h, dim=-1, keepdim=True).square_().div_(h.shape[-1])
        scale = mean_square.add_(EPS).rsqrt_()
        normal = h * scale
        ctx.save_for_backward(normal, scale)
        return normal

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> Tensor:
        normal, scale = ctx.saved_tensors
        along = (g * normal).mean(-1, keepdim=True)  # the part of g that a change of length undoes
        return torch.addcmul(g, normal, along, value=-1).mul_(scale)


class Rotation(torch.autograd.Function):
    """`rotate`, whose gradient is turned back by the same angles: (..., L, C)."""

    @staticmethod
    def forward(ctx, h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(h, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turned(g, cos, -sin), None, None


class Product(torch.autograd.Function):
    """h W^T: (M, in), (out, in) -> (M, out)."""

    @staticmethod
    def forward(ctx, h: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(h, weight)
        return product(h, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor]:
        h, weight = ctx.saved_tensors
        return product(g, weight.t()), _weight_gradient(g, h)


class GatedUnit(torch.autograd.Function):
    """(silu(h G^T) * (h U^T)) W^T, gate G over up U in one matrix: (M, D) -> (M, D).

    Of the hidden layer it keeps gate and up; what follows from them is computed again.
    """

    @staticmethod
    def forward(ctx, h: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
        gate, up = (product(h, half) for half in gate_up.chunk(2))
        ctx.save_for_backward(h, gate, up, gate_up, down)
        pairs = zip(gate.split(AT_A_TIME), up.split(AT_A_TIME), strict=True)
        said = [product(F.silu(g).mul_(u), down) for g, u in pairs]
        return said[0] if len(said) == 1 else torch.cat(said)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, gate, up, gate_up, down = ctx.saved_tensors
        gate_matrix, up_matrix = gate_up.chunk(2)
        hidden, g_gate, g_up = (torch.empty_like(gate) for _ in range(3))
        g_h = torch.empty_like(h)
        for i in range(0, len(h), AT_A_TIME):
            rows = slice(i, i + AT_A_TIME)
            g_hidden, opened = product(g[rows], down.t()), F.silu(gate[rows])
            torch.mul(opened, up[rows], out=hidden[rows])
            torch.mul(g_hidden, opened, out=g_up[rows])
            g_opened = g_hidden.mul_(up[rows])
            torch.ops.aten.silu_backward.grad_input(g_opened, gate[rows], grad_input=g_gate[rows])
            through_gate = product(g_gate[rows], gate_matrix.t())
            torch.add(through_gate, product(g_up[rows], up_matrix.t()), out=g_h[rows])
        g_down = _weight_gradient(g, hidden)
        g_gate_up = torch.cat([_weight_gradient(g_gate, h), _weight_gradient(g_up, h)])
        return g_h, g_gate_up, g_down


def _turned(h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(..., L, C), (L, C), (L, C) -> (..., L, C), without a copy of h with its halves exchanged."""
    first, second = h.chunk(2, dim=-1)
    sin_first, sin_second = sin.chunk(2, dim=-1)
    turned = h * cos
    turned_first, turned_second = turned.chunk(2, dim=-1)
    turned_first.addcmul_(second, sin_first, value=-1)
    turned_second.addcmul_(first, sin_second)
    return turned


def _weight_gradient(g: Tensor, h: Tensor) -> Tensor:
    """g^T h: (M, out), (M, in) -> (out, in). oneDNN is faster when the shorter side comes first."""
    if g.shape[1] <= h.shape[1]:
        return product(g.t(), h.t())
    return product(h.t(), g.t()).t()
