"""A TRM whose thoughts do not overwrite one another: each of the n has a state of its own.

Axes: B batch, n thoughts, P puzzle tokens, L cells, D width.

Source: arXiv 2510.04871, table 2 ("multi-scale z") and figure 5.
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
from trm_lib.models.trm import Carry, StepOutput


@dataclass(frozen=True, kw_only=True)
class MultiScaleConfig(BoardConfig):
    """A TRM that keeps n latent states. See `BoardConfig` for the other fields.

    Attributes:
        n_latent: n, latent states, each renewed once before an answer.
        n_cycles: T, cycles in one improvement step; only the last has a gradient.

    Raises:
        ValueError: a field is out of range; the message says what was expected.
    """

    n_latent: int = 3
    n_cycles: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("n_latent", whole(self.n_latent, "n_latent (n)", 1))
        self._set("n_cycles", whole(self.n_cycles, "n_cycles (T)", 1))


class MultiScale(BoardNet):
    """z_i <- net(x + y + z_1 + ... + z_n) for each i in turn, then y <- net(y + z_1 + ... + z_n).

    With n = 1 it is the `TRM`.

    Args:
        config: sizes, mixing, n and T.
        generator: source of the initial weights; a fresh one with seed 0 if not given.
    """

    config: MultiScaleConfig
    config_type = MultiScaleConfig

    def __init__(self, config: MultiScaleConfig, generator: torch.Generator | None = None):
        if generator is None:
            generator = torch.Generator().manual_seed(0)
        super().__init__(config, generator)
        z0 = torch.empty(config.n_latent, config.width)
        self.register_buffer("y0", truncated_normal_(torch.empty(config.width), 1.0, generator))
        self.register_buffer("z0", truncated_normal_(z0, 1.0, generator))

    def initial_carry(self, inputs: Tensor) -> Carry:
        """The states before the first step, for inputs (B, *grid); z is (B, n, P + L, D)."""
        c, B = self.config, len(inputs)
        n_tokens = c.puzzle_tokens + math.prod(inputs.shape[1:])
        z = self.z0[:, None].expand(B, c.n_latent, n_tokens, c.width)
        return Carry(self.y0.expand(B, n_tokens, c.width), z)

    def forward(
        self, carry: Carry, inputs: Tensor, puzzle: Tensor | None = None
    ) -> tuple[Carry, StepOutput]:
        """One improvement step; arguments and errors as those of `TRM`."""
        c, grid = self.config, tuple(inputs.shape[1:])
        require_state(carry.y, inputs, c.puzzle_tokens, c.width)
        require_state(carry.z, inputs, c.puzzle_tokens, c.width, c.n_latent)
        x, y, z = self.embed(inputs, puzzle), carry.y, list(carry.z.unbind(1))
        with torch.no_grad():
            for _ in range(c.n_cycles - 1):
                y, z = self._cycle(x, y, z, grid)
        y, z = self._cycle(x, y, z, grid)
        out = StepOutput(self.read(y, inputs))
        return Carry(y.detach(), torch.stack(z, 1).detach()), out

    def _cycle(
        self, x: Tensor, y: Tensor, z: list[Tensor], grid: tuple[int, ...]
    ) -> tuple[Tensor, list[Tensor]]:
        """Renew every latent state, then the answer."""
        z = list(z)
        for i in range(len(z)):
            z[i] = self.stack(sum(z) + (y + x), grid)
        return self.stack(y + sum(z), grid), z
