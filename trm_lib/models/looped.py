"""The plainest recursion: the same blocks again and again on one state, without a y beside the z.

With attention it is a Universal Transformer that is shown its input at every call.

Axes: B batch, P puzzle tokens, L cells, D width.

Source: Dehghani et al., "Universal Transformers" (arXiv 1807.03819); the input at every call as in
Bansal et al., "End-to-end algorithm synthesis with recurrent networks" (arXiv 2202.05826).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trm_lib.checks import whole
from trm_lib.models.board import BoardNet, require_state
from trm_lib.models.config import BoardConfig
from trm_lib.models.layers import truncated_normal_
from trm_lib.models.trm import StepOutput


@dataclass(frozen=True, kw_only=True)
class LoopedConfig(BoardConfig):
    """Blocks that are called over and over. See `BoardConfig` for the other fields.

    Attributes:
        n_calls: calls of the stack in one cycle.
        n_cycles: cycles in one improvement step; only the last has a gradient.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_calls: int = 4
    n_cycles: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("n_calls", "n_cycles"):
            self._set(name, whole(getattr(self, name), name, 1))


@dataclass
class LoopedCarry:
    """What one improvement step hands to the next: h (B, P + L, D) float."""

    h: Tensor

    def rows(self, index: Tensor) -> LoopedCarry:
        """The carry of some of the boards: index is (R,) int64 or a mask (B,) bool."""
        return LoopedCarry(self.h[index])


class Looped(BoardNet):
    """h <- net(h + x), called `n_calls` times in each cycle of an improvement step.

    The answer is read from h.

    Args:
        config: sizes, mixing, calls.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: LoopedConfig
    config_type = LoopedConfig

    def __init__(self, config: LoopedConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        self.register_buffer("h0", truncated_normal_(torch.empty(config.width), 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> LoopedCarry:
        """The state before the first step, for inputs (B, *grid)."""
        n_tokens = self.config.puzzle_tokens + math.prod(inputs.shape[1:])
        return LoopedCarry(self.h0.expand(len(inputs), n_tokens, -1))

    def forward(
        self, carry: LoopedCarry, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[LoopedCarry, StepOutput]:
        """One improvement step; arguments and errors as those of `TRM`."""
        require_state(carry.h, inputs, self.config.puzzle_tokens, self.config.width)
        x, grid, h = self.embed(inputs, puzzle), tuple(inputs.shape[1:]), carry.h
        n_calls = self.config.n_calls
        with torch.no_grad():
            for _ in range(n_calls * (self.config.n_cycles - 1)):
                h = self.stack(h + x, grid)
        for _ in range(n_calls):
            h = self.stack(h + x, grid)
        return LoopedCarry(h.detach()), StepOutput(self.read(h, inputs))
