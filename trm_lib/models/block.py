"""The block: cells exchange, then each cell thinks for itself. Stacked, blocks make a network.

Axes: B batch, L cells, D width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trm_lib.models.layers import SwiGLU, norm_of, swiglu_hidden
from trm_lib.models.mixing import AttentionMixing, ConvMixing, GRUMixing, MLPMixing, NoMixing


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
