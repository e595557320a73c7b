"""The parts that every network over a board is built from, and the config that chooses them.

A board network is a stack of blocks. In a block, first the cells exchange information (the
mixing), then each cell thinks for itself (a gated layer); each half adds to what it was given and
normalises. The mixing alone decides what a cell can know of the others. To add one, write a class
like those below and name it in `MIXINGS`; the config and every network know it by that name.

All weights are drawn from a generator that the caller passes in, so a seed fixes a model
completely and building one disturbs nothing else.

Axes: B batch, P puzzle tokens, L cells with the puzzle tokens in front, D width, H heads, C = D / H
channels of one head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.checks import ABOVE_0, at_least, check, one_of, optional


@dataclass(frozen=True, kw_only=True)
class BoardConfig:
    """A stack of blocks over a board of tokens.

    Attributes:
        vocab_size: V, how many different tokens a cell can hold (Sudoku: digits plus empty).
        grid: shape of a board, (rows, columns), or (cells,) for a plain sequence.
        width: D, channels of each cell.
        n_layers: blocks in the network.
        mixing: how cells exchange information, one of `MIXINGS`: "mlp", "attention", "conv", "gru",
            "constraints" (Sudoku, by its candidates) or "none".
        expansion: hidden size of each SwiGLU, in units of two thirds of its width.
        hidden_multiple: that hidden size is rounded up to a multiple of this.
        n_heads: attention heads; must divide the width (mixing="attention" only).
        positions: how cells know where they stand, one of `POSITIONS`. "rope" (along the
            flattened cells) and "rope2d" (by rows and columns, any board size) act inside
            attention; "learned" adds a vector to every cell; "none" leaves it to the mixing.
        puzzle_tokens: P, extra tokens in front of the cells that tell which puzzle, or which kind
            of puzzle, is asked. They think along and are cut off before the answer is read.
        puzzle_width: how many of their P * D numbers are learnt; the rest are zero. None: D.
        n_puzzles: how many different puzzles, or kinds, those tokens can tell apart.
        n_answers: how many different answers a cell can give; None: as many as tokens.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    vocab_size: int
    grid: tuple[int, ...]
    width: int = 64
    n_layers: int = 2
    mixing: str = "mlp"
    expansion: float = 4.0
    hidden_multiple: int = 32
    n_heads: int = 4
    positions: str = "rope"
    puzzle_tokens: int = 0
    puzzle_width: int | None = None
    n_puzzles: int = 1
    n_answers: int | None = None

    def __post_init__(self) -> None:
        check(
            self, vocab_size=at_least(2), grid=_sides, width=at_least(1), n_layers=at_least(1),
            mixing=one_of(MIXINGS), expansion=ABOVE_0, hidden_multiple=at_least(1),
            n_heads=at_least(1), positions=one_of(POSITIONS), puzzle_tokens=at_least(0),
            puzzle_width=optional(at_least(1)), n_puzzles=at_least(1),
            n_answers=optional(at_least(1)),
        )  # fmt: skip
        if (self.puzzle_width or 0) > self.puzzle_tokens * self.width:
            raise ValueError(
                f"puzzle_width expected at most puzzle_tokens * width = "
                f"{self.puzzle_tokens * self.width}, got {self.puzzle_width}"
            )
        MIXINGS[self.mixing].require(self)

    @property
    def n_cells(self) -> int:
        """The cells of a board."""
        return math.prod(self.grid)

    @property
    def n_tokens(self) -> int:
        """L, the puzzle tokens and the cells."""
        return self.length(self.grid)

    def length(self, grid: tuple[int, ...]) -> int:
        """L on a board of this shape: the puzzle tokens and the cells, or the candidates."""
        return self.puzzle_tokens + math.prod(grid) * (grid[0] if self.candidates else 1)

    @property
    def candidates(self) -> bool:
        """Whether the candidates of a Sudoku think, N to a cell; see mixing="constraints"."""
        return MIXINGS[self.mixing].candidates

    @property
    def bound(self) -> bool:
        """Whether cells are learnt by their places, so that `grid` is the only shape to read."""
        return MIXINGS[self.mixing].bound or self.positions == "learned"


def _sides(grid: object, name: str) -> tuple[int, ...]:
    if not isinstance(grid, Sequence | np.ndarray) or len(grid) not in (1, 2):
        raise ValueError(f"{name} expected (rows, columns), got {grid!r}")
    return tuple(at_least(1)(side, f"{name}: every side") for side in grid)


EPS = 1e-5
"""What a norm adds to the mean square, against division by zero."""


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


def rms_norm(h: Tensor) -> Tensor:
    """Scale the last axis to root mean square 1, with nothing to learn: (..., D) -> (..., D).

    In float32 at the least, operation by operation as in the official code: so both round alike.
    """
    wide = h.to(torch.promote_types(h.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)).to(h.dtype)


class Linear(nn.Module):
    """A matrix without bias, (..., fan_in) -> (..., fan_out); weights of std 1/sqrt(fan_in)."""

    def __init__(self, fan_in: int, fan_out: int, generator: torch.Generator):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(fan_out, fan_in))
        truncated_normal_(self.weight, fan_in**-0.5, generator)

    def forward(self, h: Tensor) -> Tensor:
        return F.linear(h, self.weight)


class SwiGLU(nn.Module):
    """The gated feed-forward layer, (..., D) -> (..., D): down(silu(gate(h)) * up(h)).

    Source: Shazeer, "GLU Variants Improve Transformer" (2020). As in the official TRM code,
    gate and up are one matrix, gate first.
    """

    def __init__(self, width: int, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        # a third of three matrices less: as large as two matrices of `expansion * width`
        hidden = hidden_size(config.expansion * width * 2 / 3, config)
        self.gate_up = Linear(width, 2 * hidden, generator)
        self.down = Linear(hidden, width, generator)

    def forward(self, h: Tensor) -> Tensor:
        gate, up = self.gate_up(h).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


def hidden_size(wanted: float, config: BoardConfig) -> int:
    """Units of a hidden layer: `wanted`, rounded up to a multiple of `hidden_multiple`."""
    return max(1, math.ceil(round(wanted) / config.hidden_multiple)) * config.hidden_multiple


class Mixing(nn.Module):
    """How cells exchange information, (B, L, D) -> (B, L, D), with residual and norm of its own."""

    bound = False
    """Whether it learns cells by their places, and so reads boards of one size only."""
    candidates = False
    """Whether what it mixes are candidates of a Sudoku instead of cells."""

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()

    @staticmethod
    def require(config: BoardConfig) -> None:
        """Raise ValueError if it cannot be built for this config."""


class MLPMixing(Mixing):
    """A SwiGLU across the cells, the same for every channel: fastest, but bound to one board size.

    The paper's "MLP" variant ("mlp_t" in the official code). Like there, the norm that follows
    runs over the cells, which is why a mixing brings its own residual and norm.
    """

    bound = True

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        self.swiglu = SwiGLU(config.n_tokens, config, generator)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        across = h.transpose(1, 2)  # (B, D, L)
        return rms_norm(across + self.swiglu(across)).transpose(1, 2)


class AttentionMixing(Mixing):
    """Multi-head self-attention, not causal: every cell looks at every cell.

    With positions "rope" or "rope2d" it knows how far apart they are, else only what they hold.
    """

    @staticmethod
    def require(config: BoardConfig) -> None:
        multiple = {"rope": 2, "rope2d": 4}.get(config.positions, 1) * config.n_heads
        if config.width % multiple:
            raise ValueError(
                f"width expected a multiple of {multiple} for attention with n_heads="
                f"{config.n_heads} and positions={config.positions!r}, got {config.width}"
            )
        if config.positions == "rope2d" and len(config.grid) != 2:
            raise ValueError(
                f"positions='rope2d' expected a grid of (rows, columns), got {config.grid}"
            )

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        self.n_heads, self.positions = config.n_heads, config.positions
        self._tables: dict[tuple, tuple[Tensor, Tensor]] = {}
        self.qkv = Linear(config.width, 3 * config.width, generator)
        self.out = Linear(config.width, config.width, generator)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        B, L, D = h.shape
        qkv = self.qkv(h).view(B, L, 3, self.n_heads, D // self.n_heads)
        qk, v = qkv.permute(2, 0, 3, 1, 4).split([2, 1])  # (2, B, H, L, C) and (1, B, H, L, C)
        if self.positions in ("rope", "rope2d"):
            key = (L, grid, h.device)
            if key not in self._tables:  # made once for each size of board
                sides = (L,) if self.positions == "rope" else grid
                with torch.inference_mode(False):  # made in evaluation, it must serve training too
                    self._tables[key] = rotary_table(sides, L, D // self.n_heads, h.device)
            qk = rotate(qk, *(table.to(h.dtype) for table in self._tables[key]))
        mixed = F.scaled_dot_product_attention(*qk, *v)
        return rms_norm(h + self.out(mixed.transpose(1, 2).reshape(B, L, D)))


def rotate(h: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys (..., L, C) by their position's angles, cos and sin (L, C)."""
    first, second = h.chunk(2, dim=-1)
    return h * cos + torch.cat([-second, first], dim=-1) * sin


THETA = 10_000.0
"""The slowest pair of channels turns about once in 2 pi THETA cells."""


def rotary_table(
    sides: tuple[int, ...], length: int, channels: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angle of every position, each (length, C) float32.

    Each pair of channels of a query or key is turned by an angle that grows with the position, at
    a frequency of its own; a product of two so turned vectors depends on the difference of
    positions only. On a board, half of the pairs turn with the row and half with the column.

    Args:
        sides: (cells,) of a sequence or (rows, columns) of a board.
        length: tokens; those in front, more than `sides` has, are not turned.
        channels: C, a multiple of 2 for each side.

    Source: Su et al., "RoFormer" (arXiv 2104.09864); halves rotated together as in the official
    TRM code.
    """
    each = channels // len(sides)
    powers = torch.arange(0, each, 2, dtype=torch.float32, device=device) / each
    angles = []
    for axis, side in enumerate(sides):
        along = torch.arange(side, dtype=torch.float32, device=device)
        shape = [side if i == axis else 1 for i in range(len(sides))]
        turned = torch.outer(along, 1.0 / THETA**powers).view(*shape, -1)
        angles.append(turned.expand(*sides, -1))
    angle = torch.cat(angles, dim=-1).flatten(0, -2)  # (cells, C / 2)
    angle = torch.cat([angle.new_zeros(length - len(angle), channels // 2), angle]).repeat(1, 2)
    return angle.cos(), angle.sin()


class ConvMixing(Mixing):
    """Each cell sees its 3 x 3 neighbourhood, channel by channel, then a matrix joins channels.

    Local and the same everywhere, so it works on a board of any size; more steps see farther.
    """

    @staticmethod
    def require(config: BoardConfig) -> None:
        if len(config.grid) != 2 or config.puzzle_tokens:
            raise ValueError(
                f"mixing='conv' expected a grid of (rows, columns) and no puzzle_tokens, which "
                f"have no place on a board, got grid={config.grid!r}, "
                f"puzzle_tokens={config.puzzle_tokens}"
            )

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        self.depthwise = nn.Parameter(torch.empty(config.width, 1, 3, 3))
        truncated_normal_(self.depthwise, 1 / 3, generator)
        self.pointwise = Linear(config.width, config.width, generator)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        image = h.transpose(1, 2).unflatten(2, grid)  # (B, D, rows, columns)
        seen = F.conv2d(image, self.depthwise, padding=1, groups=h.shape[2])
        return rms_norm(h + self.pointwise(seen.flatten(2).transpose(1, 2)))


class GRUMixing(Mixing):
    """A GRU reads the cells in their order, another one against it, then a matrix joins both.

    What a cell knows of a far one has passed through every cell between, row by row.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__(config, generator)
        each = -(-config.width // 2)
        gru = nn.GRU(config.width, each, batch_first=True, bidirectional=True, device="meta")
        self.gru = gru.to_empty(device="cpu")  # PyTorch's own random weights are never drawn
        with torch.no_grad():
            for weight in self.gru.parameters():
                weight.uniform_(-(each**-0.5), each**-0.5, generator=generator)
        self.out = Linear(2 * each, config.width, generator)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        return rms_norm(h + self.out(self.gru(h)[0]))


class NoMixing(Mixing):
    """Cells never meet: the control that shows what mixing is for."""

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        return h


MIXINGS: dict[str, type[Mixing]] = {
    "mlp": MLPMixing,
    "attention": AttentionMixing,
    "conv": ConvMixing,
    "gru": GRUMixing,
    "none": NoMixing,
}
"""The names that `BoardConfig.mixing` takes."""

POSITIONS = ("none", "rope", "rope2d", "learned")
"""The names that `BoardConfig.positions` takes."""


class Block(nn.Module):
    """h <- mix(h); h <- rms_norm(h + swiglu(h)), (B, L, D) -> (B, L, D); norms come last."""

    bounded = False
    """Whether tanh takes the place of the last norm; see `LoopedConfig`."""

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        self.mixing = MIXINGS[config.mixing](config, generator)
        self.swiglu: nn.Module = SwiGLU(config.width, config, generator)

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        h = self.mixing(h, grid)
        h = h + self.swiglu(h)
        return h.tanh() if self.bounded else rms_norm(h)


class Stack(nn.Module):
    """Blocks one after the other, each with weights of its own."""

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        self.blocks = nn.ModuleList(Block(config, generator) for _ in range(config.n_layers))

    def forward(self, h: Tensor, grid: tuple[int, ...]) -> Tensor:
        for block in self.blocks:
            h = block(h, grid)
        return h
