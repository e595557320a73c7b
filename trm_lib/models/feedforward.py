"""The rival without recursion: the same blocks, stacked once, answering in one pass.

It keeps the interface of `TRM`, so the same training loop and the same evaluation serve both;
a second step would only repeat the first, since nothing is carried.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trm_lib.models.board import BoardNet
from trm_lib.models.config import BoardConfig
from trm_lib.models.trm import StepOutput


class FeedForward(BoardNet):
    """Embedding, `n_layers` different blocks, answer head: (B, *grid) tokens to logits, once.

    Args:
        config: sizes and mixing.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)

    def initial_carry(self, inputs: Tensor) -> None:
        """Nothing is carried."""
        return None

    def forward(self, carry: None, inputs: Tensor) -> tuple[None, StepOutput]:
        """The answer to inputs (B, *grid) int64; `carry` is ignored."""
        h = self.stack(self.embed(inputs), tuple(inputs.shape[1:]))
        return None, StepOutput(self.read(h, inputs))
