"""How cells exchange information: one interface, interchangeable ways.

Everything else in a TRM treats each cell alone, so the mixing decides what a cell can know of
the others. A mixing maps (B, L, D) to (B, L, D); the block around it adds and normalises.

Axes: B batch, L cells (puzzle tokens in front included), D width, H heads, C = D / H channels of
one head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.models.fused import Rotation, fits
from trm_lib.models.layers import Linear, SwiGLU, norm_of, swiglu_hidden, truncated_normal_
from trm_lib.models.rotary import rotary_table, rotary_table_2d, rotate

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
