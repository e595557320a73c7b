"""From tokens to vectors and back: the part that every board network shares.

Axes: B batch, P puzzle tokens, L cells, D width, V vocabulary, A answers of a cell (V unless said
otherwise).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import Linear, build_stack, truncated_normal_

HALF_POWER = 0.707106781
"""1 / sqrt(2), to the digits the official code gives it: keeps the size of a sum of two vectors."""


class BoardNet(nn.Module):
    """Token embedding, a stack of blocks, and an answer head. Subclasses say how they are used.

    Args:
        config: sizes and mixing.
        generator: every weight is drawn from it, in a fixed order.
    """

    config_type: type[BoardConfig] = BoardConfig
    """What a model of this class is described by: this class exactly, so that it can be stored."""

    def __init__(self, config: BoardConfig, generator: torch.Generator):
        super().__init__()
        if type(config) is not self.config_type:
            raise ValueError(
                f"{type(self).__name__} expected a {self.config_type.__name__}, got {config!r}"
            )
        self.config = config
        self.embedding = nn.Parameter(torch.empty(config.vocab_size, config.width))
        truncated_normal_(self.embedding, config.width**-0.5, generator)
        self.stack = build_stack(config, generator)
        n_answers = config.n_answers or config.vocab_size
        self.head = Linear(config.width, n_answers, generator, fused=config.fused)
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
        if puzzle is None:
            puzzle = inputs.new_zeros(len(inputs), dtype=torch.int64)
        require_boards(inputs, puzzle, self.config)
        x = F.embedding(inputs.flatten(1), self.embedding)
        if self.config.puzzle_tokens:
            x = torch.cat([self._puzzle_tokens(puzzle), x], dim=1)
        if self.config.positions == "learned":
            x = HALF_POWER * (x + self.position)
        return math.sqrt(self.config.width) * x

    def read(self, h: Tensor, inputs: Tensor) -> Tensor:
        """Vectors to logits: (B, P + L, D) -> (*inputs.shape, A)."""
        return self.head(h)[:, self.config.puzzle_tokens :].unflatten(1, inputs.shape[1:])

    def _puzzle_tokens(self, puzzle: Tensor) -> Tensor:
        """The tokens in front: (B,) -> (B, P, D), learnt numbers first, then zeros."""
        P, D = self.config.puzzle_tokens, self.config.width
        learnt = F.embedding(puzzle, self.puzzle_embedding)
        return F.pad(learnt, (0, P * D - learnt.shape[1])).view(len(puzzle), P, D)


def require_boards(inputs: Tensor, puzzle: Tensor, config: BoardConfig) -> None:
    """Refuse boards that a model of this config cannot read.

    Raises:
        ValueError: wrong dtype, shape, or a token or puzzle outside its range.
    """
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
    if config.bound and tuple(inputs.shape[1:]) != config.grid:
        raise ValueError(
            f"inputs expected boards of shape {config.grid}, whose cells this model has learnt by "
            f"their places, got {tuple(inputs.shape[1:])}: use mixing='conv', or 'attention' with "
            f"positions='rope2d', for boards of other sizes"
        )
    B = len(inputs)
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


def require_state(
    state: Tensor, inputs: Tensor, puzzle_tokens: int, width: int, *copies: int
) -> None:
    """Refuse a carried state that is not one of these boards.

    Raises:
        ValueError: it is not of shape (B, *copies, P + L, width).
    """
    expected = (len(inputs), *copies, puzzle_tokens + math.prod(inputs.shape[1:]), width)
    if tuple(state.shape) != expected:
        raise ValueError(
            f"carry expected states of shape {expected} for these inputs, got "
            f"{tuple(state.shape)}: start with model.initial_carry(inputs)"
        )


def count_parameters(model: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def device_of(model: nn.Module) -> torch.device:
    """Where a model lives: the device of its first parameter, or the CPU if it has none."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))
