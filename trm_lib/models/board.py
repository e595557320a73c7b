"""From tokens to vectors and back: the part that every board network shares.

Axes: B batch, P puzzle tokens, L cells, D width, V vocabulary.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.models.block import build_stack
from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import Linear, truncated_normal_

HALF_POWER = 0.707106781
"""1 / sqrt(2), to the digits the official code gives it: keeps the size of a sum of two vectors."""


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
        self.head = Linear(config.width, config.vocab_size, generator, fused=config.fused)
        if config.positions == "learned":
            self.position = nn.Parameter(torch.empty(config.n_tokens, config.width))
            truncated_normal_(self.position, config.width**-0.5, generator)
        if config.puzzle_tokens:
            learnt = config.puzzle_width or config.width
            self.puzzle_embedding = nn.Parameter(torch.zeros(config.n_puzzles, learnt))

    def embed(self, inputs: Tensor, puzzle: Tensor | None = None) -> Tensor:
        """Tokens to vectors.

        Args:
            inputs: (B, *grid) int64 in [0, V).
            puzzle: (B,) int64 in [0, n_puzzles), which puzzle each board is; all 0 if not given.
                Used only by a model with puzzle tokens.

        Returns:
            (B, P + L, D), of root mean square about 1 in the cells.

        Raises:
            ValueError: wrong dtype, shape, or a token or puzzle outside its range.
        """
        _require_tokens(inputs, self.config)
        x = F.embedding(inputs.flatten(1), self.embedding)
        if self.config.puzzle_tokens:
            x = torch.cat([self._puzzle_tokens(inputs, puzzle), x], dim=1)
        if self.config.positions == "learned":
            if x.shape[1] != len(self.position):
                raise ValueError(
                    f"inputs expected {self.config.n_cells} cells, the places this model has "
                    f"learnt, got {x.shape[1] - self.config.puzzle_tokens}: use positions='rope2d' "
                    f"for boards of other sizes"
                )
            x = HALF_POWER * (x + self.position)
        return math.sqrt(self.config.width) * x

    def read(self, h: Tensor, inputs: Tensor) -> Tensor:
        """Vectors to logits: (B, P + L, D) -> (*inputs.shape, V)."""
        return self.head(h)[:, self.config.puzzle_tokens :].unflatten(1, inputs.shape[1:])

    def _puzzle_tokens(self, inputs: Tensor, puzzle: Tensor | None) -> Tensor:
        """The tokens in front: (B, P, D), learnt numbers first, then zeros."""
        config, B = self.config, len(inputs)
        if puzzle is None:
            puzzle = inputs.new_zeros(B)
        if puzzle.shape != (B,) or puzzle.dtype != torch.int64:
            raise ValueError(
                f"puzzle expected one int64 a board, shape ({B},), got {puzzle.dtype} of shape "
                f"{tuple(puzzle.shape)}"
            )
        if B and not 0 <= int(puzzle.min()) <= int(puzzle.max()) < config.n_puzzles:
            raise ValueError(
                f"puzzle expected numbers from 0 to {config.n_puzzles - 1}, got "
                f"{int(puzzle.min())} to {int(puzzle.max())}: build the model with more n_puzzles"
            )
        learnt = F.embedding(puzzle, self.puzzle_embedding)
        zeros = config.puzzle_tokens * config.width - learnt.shape[1]
        return F.pad(learnt, (0, zeros)).view(B, config.puzzle_tokens, config.width)


def _require_tokens(inputs: Tensor, config: BoardConfig) -> None:
    V, axes = config.vocab_size, 1 + len(config.grid)
    if inputs.dtype != torch.int64 or inputs.dim() != axes:
        raise ValueError(
            f"inputs expected int64 tokens of shape (B, {', '.join(map(str, config.grid))}"
            f"), got {inputs.dtype} of shape {tuple(inputs.shape)}"
        )
    if inputs.numel() and not 0 <= int(inputs.min()) <= int(inputs.max()) < V:
        raise ValueError(
            f"inputs expected tokens from 0 to {V - 1}, got {int(inputs.min())} to "
            f"{int(inputs.max())}: rebuild the model with a larger vocab_size or fix the data"
        )


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def device_of(model: nn.Module) -> torch.device:
    """Where a model lives: the device of its first parameter, or the CPU if it has none."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))
