"""From tokens to vectors and back: the part that every board network shares.

Axes: B batch, L cells, D width, V vocabulary.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trm_lib.models.block import build_stack
from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import Linear, truncated_normal_


class BoardNet(nn.Module):
    """Token embedding, a stack of blocks, and an answer head. Subclasses say how they are used.

    Args:
        config: sizes and mixing.
        generator: every weight is drawn from it, in a fixed order.
    """

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.empty(config.vocab_size, config.width))
        truncated_normal_(self.embedding, config.width**-0.5, generator)
        self.stack = build_stack(config, generator)
        self.head = Linear(config.width, config.vocab_size, generator)

    def embed(self, inputs: Tensor) -> Tensor:
        """Tokens to vectors.

        Args:
            inputs: (B, *grid) int64 in [0, V).

        Returns:
            (B, L, D), of root mean square about 1.

        Raises:
            ValueError: wrong dtype, number of axes, or a token outside the vocabulary.
        """
        V, axes = self.config.vocab_size, 1 + len(self.config.grid)
        if inputs.dtype != torch.int64 or inputs.dim() != axes:
            raise ValueError(
                f"inputs expected int64 tokens of shape (B, {', '.join(map(str, self.config.grid))}"
                f"), got {inputs.dtype} of shape {tuple(inputs.shape)}"
            )
        if inputs.numel() and not 0 <= int(inputs.min()) <= int(inputs.max()) < V:
            raise ValueError(
                f"inputs expected tokens from 0 to {V - 1}, got {int(inputs.min())} to "
                f"{int(inputs.max())}: rebuild the model with a larger vocab_size or fix the data"
            )
        return math.sqrt(self.config.width) * self.embedding[inputs.flatten(1)]

    def read(self, h: Tensor, inputs: Tensor) -> Tensor:
        """Vectors to logits: (B, L, D) -> (*inputs.shape, V)."""
        return self.head(h).unflatten(1, inputs.shape[1:])


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
