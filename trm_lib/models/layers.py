"""The small parts every network in this book is built from.

Axes: B batch, L cells, D width. All weights are drawn from a generator that the caller
passes in, so a seed fixes a model completely and building one disturbs nothing else.

Rotary position encoding: attention that knows how far apart two cells stand.

Each pair of channels of a query or key is turned by an angle that grows with the position, at a
frequency of its own; a product of two so turned vectors depends on the difference of positions
only. Along a sequence ("rope") or along rows and columns ("rope2d": half of the pairs turn with
the row, half with the column, so that a board of any size has a place for each of its cells).

Axes: B batch, H heads, P puzzle tokens, L cells, C channels of one head.

Source: Su et al., "RoFormer" (arXiv 2104.09864); halves rotated together as in the official
TRM code.

How cells exchange information: one interface, interchangeable ways.

Everything else in a TRM treats each cell alone, so the mixing decides what a cell can know of
the others. A mixing maps (B, L, D) to (B, L, D); the block around it adds and normalises.

Axes: B batch, L cells (puzzle tokens in front included), D width, H heads, C = D / H channels of
one head.

The block: cells exchange, then each cell thinks for itself. Stacked, blocks make a network.

Axes: B batch, L cells, D width.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.models.fused import GatedUnit, Product, RMSNorm, Rotation, fits, gated_unit


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


THETA = 10_000.0
"""The slowest pair of channels turns about once in 2 pi THETA cells."""


def rotary_table(
    length: int, channels: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of positions 0 to L - 1, each (L, C) float32."""
    return _table(_angles(length, channels, device))


def rotary_table_2d(
    grid: tuple[int, int], n_before: int, channels: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines by row and column; `n_before` tokens in front are not turned at all.

    Args:
        grid: (rows, columns).
        n_before: P.
        channels: C, a multiple of 4.
        device: where to make them.

    Returns:
        Two tensors (P + rows * columns, C) float32.
    """
    rows, columns = grid
    down = _angles(rows, channels // 2, device)[:, None].expand(-1, columns, -1)
    across = _angles(columns, channels // 2, device)[None].expand(rows, -1, -1)
    angle = torch.cat([down, across], dim=-1).flatten(0, 1)  # (L, C / 2)
    return _table(torch.cat([angle.new_zeros(n_before, channels // 2), angle]))


def rotate(h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys by their position's angles.

    Args:
        h: (..., B, H, P + L, C) float.
        cos: (P + L, C) float.
        sin: (P + L, C) float.
    """
    first, second = h.chunk(2, dim=-1)
    return h * cos + torch.cat([-second, first], dim=-1) * sin


def _angles(length: int, channels: int, device: torch.device | None) -> Tensor:
    """The angle of every position in every pair of channels: (L, C / 2) float32."""
    powers = torch.arange(0, channels, 2, dtype=torch.float32, device=device) / channels
    positions = torch.arange(length, dtype=torch.float32, device=device)
    return torch.outer(positions, 1.0 / THETA**powers)


def _table(angle: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


AT_A_TIME = 4_000_000
"""Products of a query and a key that attention in bfloat16 holds at once, if a board has fewer."""


class MLPMixing(nn.Module):
    """A SwiGLU across the cells, the same for every channel: fastest, but bound to one board size.

    The paper's "MLP" variant ("mlp_t" in the official code). Like there, the norm that follows
    runs over the cells, which is why a mixing brings its own residual and norm.
    """

    def __init__(
        self,
        n_cells: int,
        expansion: float,
        multiple: int,
        generator: torch.Generator,
        fused: bool = True,
    ):
        super().__init__()
        self.n_cells, self.norm = n_cells, norm_of(fused)
        hidden = swiglu_hidden(self.n_cells, expansion, multiple)
        self.swiglu = SwiGLU(self.n_cells, hidden, generator, fused=fused)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        if h.shape[1] != self.n_cells:
            raise ValueError(
                f"expected {self.n_cells} cells, the board the model was built for, got "
                f"{h.shape[1]}: use mixing='conv' or 'attention' for boards of other sizes"
            )
        across = h.transpose(1, 2)  # (B, D, L)
        return self.norm(across + self.swiglu(across)).transpose(1, 2)


class AttentionMixing(nn.Module):
    """Multi-head self-attention, not causal: every cell looks at every cell.

    With positions "rope" or "rope2d" it knows how far apart they are, along the sequence or by
    rows and columns; otherwise it knows only what the cells hold.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        generator: torch.Generator,
        positions: str = "rope",
        fused: bool = True,
    ):
        super().__init__()
        self.n_heads, self.positions = n_heads, positions
        self.fused, self.norm = fused, norm_of(fused)
        self._tables: dict[tuple, tuple[Tensor, Tensor]] = {}
        self.qkv = Linear(width, 3 * width, generator, fused=fused)
        self.out = Linear(width, width, generator, fused=fused)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        B, L, D = h.shape
        qkv = self.qkv(h).view(B, L, 3, self.n_heads, D // self.n_heads)
        qk, v = qkv.permute(2, 0, 3, 1, 4).split([2, 1])  # (2, B, H, L, C) and (1, B, H, L, C)
        if self.positions in ("rope", "rope2d"):
            cos, sin = (t.to(h.dtype) for t in self._table(L, D // self.n_heads, grid, h.device))
            qk = (Rotation.apply if self.fused and fits(h) else rotate)(qk, cos, sin)
        mixed = _attend(*qk, *v)
        return self.norm(h + self.out(mixed.transpose(1, 2).reshape(B, L, D)))

    def _table(self, length, channels, grid, device) -> tuple[Tensor, Tensor]:
        """Cosines and sines, made once for each size of board."""
        key = (length, grid, device)
        if key not in self._tables:
            with torch.inference_mode(False):  # made in evaluation, it must serve training as well
                self._tables[key] = (
                    rotary_table(length, channels, device)
                    if self.positions == "rope"
                    else rotary_table_2d(grid, length - math.prod(grid), channels, device)
                )
        return self._tables[key]


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(C)) v, all (B, H, L, C)."""
    if v.dtype != torch.bfloat16 or v.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v)
    # PyTorch's own takes several times as long for this type on a processor, its gradient above
    # all. A few boards at a time, so that their (H, L, L) numbers stay in the cache.
    boards = max(1, AT_A_TIME // (q.shape[1] * q.shape[2] ** 2))
    parts = zip(*(t.split(boards) for t in (q * q.shape[-1] ** -0.5, k, v)), strict=True)
    return torch.cat([torch.softmax(q @ k.transpose(-1, -2), dim=-1) @ v for q, k, v in parts])


class ConvMixing(nn.Module):
    """Each cell sees its 3 x 3 neighbourhood, channel by channel, then a matrix joins channels.

    Local and the same everywhere, so it works on a board of any size; more steps see farther.
    """

    def __init__(self, width: int, generator: torch.Generator, fused: bool = True):
        super().__init__()
        self.norm = norm_of(fused)
        self.depthwise = nn.Parameter(torch.empty(width, 1, 3, 3))
        truncated_normal_(self.depthwise, 1 / 3, generator)
        self.pointwise = Linear(width, width, generator, fused=fused)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        if len(grid) != 2:
            raise ValueError(
                f"mixing='conv' expected boards with rows and columns (B, rows, columns), got "
                f"boards of shape {grid}: reshape the inputs or use another mixing"
            )
        image = h.transpose(1, 2).unflatten(2, grid)  # (B, D, rows, columns)
        seen = F.conv2d(image, self.depthwise, padding=1, groups=h.shape[2])
        return self.norm(h + self.pointwise(seen.flatten(2).transpose(1, 2)))


class GRUMixing(nn.Module):
    """A GRU reads the cells in their order, another one against it, then a matrix joins both.

    What a cell knows of a far one has passed through every cell between, row by row.
    """

    def __init__(self, width: int, generator: torch.Generator, fused: bool = True):
        super().__init__()
        self.norm = norm_of(fused)
        each = -(-width // 2)
        gru = nn.GRU(width, each, batch_first=True, bidirectional=True, device="meta")
        self.gru = gru.to_empty(device="cpu")  # PyTorch's own random weights are never drawn
        with torch.no_grad():
            for weight in self.gru.parameters():
                weight.uniform_(-(each**-0.5), each**-0.5, generator=generator)
        self.out = Linear(2 * each, width, generator, fused=fused)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        return self.norm(h + self.out(self.gru(h)[0]))


class NoMixing(nn.Module):
    """Cells never meet: the control that shows what mixing is for."""

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        return h


MIXINGS = ("mlp", "attention", "conv", "gru", "none")
"""The names `TRMConfig.mixing` takes."""

POSITIONS = ("none", "rope", "rope2d", "learned")
"""The names `TRMConfig.positions` takes."""


class Block(nn.Module):
    """h <- mix(h); h <- rms_norm(h + swiglu(h)), (B, L, D) -> (B, L, D); norms come last."""

    def __init__(self, mixing: nn.Module, swiglu: nn.Module, *, fused: bool = True):
        super().__init__()
        self.mixing = mixing
        self.swiglu = swiglu
        self.norm = norm_of(fused)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        h = self.mixing(h, grid)
        return self.norm(h + self.swiglu(h))


class Stack(nn.Module):
    """Blocks one after the other, each with weights of its own."""

    def __init__(self, blocks: list[Block]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        for block in self.blocks:
            h = block(h, grid)
        return h


def build_stack(config, generator: torch.Generator) -> Stack:
    """The stack of blocks that a `BoardConfig` describes, drawn from `generator`."""

    fused = config.fused

    def mixing() -> nn.Module:
        makers: dict[str, Callable[[], nn.Module]] = {
            "mlp": lambda: MLPMixing(
                config.n_tokens, config.expansion, config.hidden_multiple, generator, fused
            ),
            "attention": lambda: AttentionMixing(
                config.width, config.n_heads, generator, config.positions, fused
            ),
            "conv": lambda: ConvMixing(config.width, generator, fused),
            "gru": lambda: GRUMixing(config.width, generator, fused),
            "none": NoMixing,
        }
        return makers[config.mixing]()

    hidden = swiglu_hidden(config.width, config.expansion, config.hidden_multiple)
    return Stack(
        [
            Block(mixing(), SwiGLU(config.width, hidden, generator, fused=fused), fused=fused)
            for _ in range(config.n_layers)
        ]
    )
