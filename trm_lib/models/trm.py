"""The Tiny Recursive Model over a board of tokens.

Axes: B batch, L cells, D width, V vocabulary.

Source: arXiv 2510.04871, figures 1 and 3; github.com/SamsungSAILMontreal/TinyRecursiveModels
at e7b6871 for initial values and scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trm_lib.models.board import BoardNet
from trm_lib.models.config import TRMConfig
from trm_lib.models.layers import truncated_normal_
from trm_lib.models.recursion import deep_recursion


@dataclass
class Carry:
    """What one improvement step hands to the next: answer y and latent z, each (B, L, D)."""

    y: Tensor
    z: Tensor


@dataclass
class StepOutput:
    """What one improvement step says: logits (B, *grid, V)."""

    logits: Tensor


class TRM(BoardNet):
    """One tiny network that improves its own answer, step by step.

        carry = model.initial_carry(inputs)
        for k in range(K):
            carry, out = model(carry, inputs)   # out.logits: the answer after step k + 1

    Args:
        config: sizes, mixing, n and T.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: TRMConfig

    def __init__(self, config: TRMConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        # where every thought starts: fixed, not learned, the same in every cell
        self.register_buffer("y0", truncated_normal_(torch.empty(config.width), 1.0, generator))
        self.register_buffer("z0", truncated_normal_(torch.empty(config.width), 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> Carry:
        """The state before the first improvement step, for inputs (B, *grid)."""
        shape = (inputs.shape[0], math.prod(inputs.shape[1:]), self.config.width)
        return Carry(self.y0.expand(shape), self.z0.expand(shape))

    def forward(self, carry: Carry, inputs: Tensor) -> tuple[Carry, StepOutput]:
        """One improvement step.

        Args:
            carry: state to start from, from `initial_carry` or the step before.
            inputs: (B, *grid) int64 tokens in [0, V), the question.

        Returns:
            The new carry, detached, and the answer it reads out.

        Raises:
            ValueError: inputs of the wrong shape, dtype or range.
        """
        x = self.embed(inputs)
        grid = tuple(inputs.shape[1:])
        y, z = deep_recursion(
            lambda h: self.stack(h, grid),
            x, carry.y, carry.z, self.config.n_latent, self.config.n_cycles,
        )  # fmt: skip
        return Carry(y.detach(), z.detach()), StepOutput(self.read(y, inputs))
